import { once } from 'node:events';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { listen, MODEL_KEY, startGateway, type TestGateway } from '../../support/gateway.ts';

const chunk = (delta: object, finish: string | null = null, usage: object | null = null) =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }], usage })}\n\n`;
const USAGE = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };
const STREAM = [chunk({ content: 'hel' }), chunk({ content: 'lo ü' }), chunk({}, 'stop', USAGE), 'data: [DONE]\n\n'];
const WHOLE = {
  id: 'c',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
  usage: USAGE,
};
const ask = { model: 'small', messages: [{ role: 'user', content: 'hello' }] };

/** An address where nobody listens any more. */
const nowhere = async (): Promise<string> => {
  const server = await listen(() => undefined);
  await server.close();
  return server.url;
};

type Handler = (reply: ServerResponse, message: IncomingMessage) => void;
const sse = (reply: ServerResponse) =>
  reply.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': 'r1', 'x-secret': 'no', 'set-cookie': 'no=1' });
const streamed: Handler = (reply) => sse(reply).end(STREAM.join(''));
const whole: Handler = (reply) => reply.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(WHOLE));

describe('the model routes of the gateway', () => {
  let gateway: TestGateway;
  let upstream: Awaited<ReturnType<typeof listen>>;
  let handler: Handler;
  let asked: { headers: IncomingMessage['headers']; url: string | undefined; body: Record<string, unknown> }[];

  const start = async (options: Parameters<typeof startGateway>[0] = {}, spec: Parameters<TestGateway['task']>[1] = {}) => {
    gateway = await startGateway({ modelBaseUrl: `${upstream.url}/v1/`, ...options });
    await gateway.task('t1', spec);
    const run = await gateway.run('t1');
    const post = (body: unknown, turn: number | string = 1, path = 'chat/completions', from = run) =>
      from.send('POST', `/llm/v1/${path}`, body, { 'content-type': 'application/json', 'x-codebay-turn': String(turn) });
    return { run, post };
  };
  const codeOf = async (response: Response) => {
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    return { status: response.status, code: error.code, message: error.message };
  };

  /** From now on answers are streams that stop after their beginning; resolves with the first of them. */
  const holdStream = (): Promise<ServerResponse> => {
    const begun = Promise.withResolvers<ServerResponse>();
    handler = (reply) => {
      sse(reply).write(STREAM[0]);
      begun.resolve(reply);
    };
    return begun.promise;
  };

  beforeEach(async () => {
    asked = [];
    handler = streamed;
    upstream = await listen((message, reply) => {
      const pieces: Buffer[] = [];
      message.on('data', (piece: Buffer) => pieces.push(piece));
      message.on('end', () => {
        asked.push({ headers: message.headers, url: message.url, body: JSON.parse(Buffer.concat(pieces).toString() || '{}') });
        handler(reply, message);
      });
    });
  });
  afterEach(async () => {
    await gateway.close();
    await upstream.close();
  });

  test('passes a stream with headers rebuilt both ways, and settles what the model tells', async () => {
    const { run } = await start();
    const response = await run.send(
      'POST',
      '/llm/v1/chat/completions',
      { ...ask, stream: true, user: 'me', max_tokens: 10 ** 6 },
      {
        'x-codebay-turn': '1',
        'x-codex-turn-metadata': 'folder',
        'openai-organization': 'evil',
        cookie: 'a=b',
      },
    );
    expect(await response.text()).toBe(STREAM.join(''));
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(response.headers.get('x-request-id')).toBe('r1');
    expect(response.headers.get('x-secret')).toBeNull();
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(asked[0]?.url).toBe('/v1/chat/completions');
    expect(asked[0]?.headers.authorization).toBe(`Bearer ${MODEL_KEY}`);
    for (const name of ['x-codebay-turn', 'x-codex-turn-metadata', 'openai-organization', 'cookie'])
      expect(asked[0]?.headers[name]).toBeUndefined();
    expect(asked[0]?.body).toEqual({ ...ask, stream: true, max_tokens: 32_768, stream_options: { include_usage: true } });
    expect(await gateway.stores.ledger.usage('t1')).toEqual({ input_tokens: 100, output_tokens: 20, cost_micros: 300, turns: 1 });
    expect(await gateway.events('t1', 'model_turn')).toEqual([
      { turn: 1, model: 'small', input_tokens: 100, output_tokens: 20, cost_usd: 0.0003, replayed: false },
    ]);
  });

  test('speaks the responses protocol, keeping nothing at the provider', async () => {
    const { post } = await start();
    const events = [
      { type: 'response.created' },
      { type: 'response.completed', response: { status: 'completed', usage: { input_tokens: 7, output_tokens: 3 } } },
    ];
    const text = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');
    handler = (reply) => sse(reply).end(text);
    const body = {
      model: 'small',
      input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] }],
      stream: true,
      store: true,
    };
    expect(await (await post(body, 1, 'responses')).text()).toBe(text);
    expect(asked[0]?.body).toMatchObject({ store: false, max_output_tokens: 32_768 });
    expect(await (await post(body, 1, 'responses')).text()).toBe(text);
    expect(asked).toHaveLength(1);
    expect(await gateway.stores.ledger.usage('t1')).toMatchObject({ input_tokens: 7, output_tokens: 3 });
  });

  test('replays a finished answer byte for byte, for this turn and request only, to a successor too', async () => {
    const { run, post } = await start();
    handler = whole;
    const first = await post(ask);
    expect(await first.json()).toEqual(WHOLE);
    await gateway.stores.runs.end(run.id);
    const successor = await gateway.run('t1', 'agent', 'agent', 2);
    const replayed = await post(ask, 1, 'chat/completions', successor);
    expect([replayed.headers.get('content-type'), await replayed.text()]).toEqual(['application/json', JSON.stringify(WHOLE)]);
    expect(asked).toHaveLength(1);
    expect(await gateway.events('t1', 'model_turn')).toMatchObject([{ replayed: false }, { replayed: true }]);
    await (await post(ask, 2, 'chat/completions', successor)).text();
    await (await post({ ...ask, seed: 1 }, 1, 'chat/completions', successor)).text();
    expect(asked).toHaveLength(3);
  });

  test('lets the same request join the one under way', async () => {
    const { post } = await start();
    const begun = holdStream();
    const first = post({ ...ask, stream: true });
    const reply = await begun;
    const second = await post({ ...ask, stream: true });
    reply.end(STREAM.slice(1).join(''));
    expect(await (await first).text()).toBe(STREAM.join(''));
    expect(await second.text()).toBe(STREAM.join(''));
    expect(asked).toHaveLength(1);
  });

  test('keeps the turn of a lost run under way for its successor', async () => {
    const { run, post } = await start();
    const begun = holdStream();
    const first = post({ ...ask, stream: true });
    const reply = await begun;
    await gateway.stores.runs.end(run.id);
    // Longer than several looks at whether it may go on.
    await pause(300);
    const successor = await gateway.run('t1', 'agent', 'agent', 2);
    const second = await post({ ...ask, stream: true }, 1, 'chat/completions', successor);
    reply.end(STREAM.slice(1).join(''));
    expect(await (await first).text()).toBe(STREAM.join(''));
    expect(await second.text()).toBe(STREAM.join(''));
    expect(asked).toHaveLength(1);
  });

  test('reads an answer to its end when the client goes, journals and settles it', async () => {
    const { run, post } = await start();
    const begun = holdStream();
    const headers = { authorization: run.authorization, 'x-codebay-turn': '1' };
    const client = request({ port: gateway.port, method: 'POST', path: '/llm/v1/chat/completions', headers });
    client.end(JSON.stringify({ ...ask, stream: true }));
    const [answer] = (await once(client, 'response')) as [IncomingMessage];
    await once(answer, 'data');
    answer.on('error', () => undefined);
    client.destroy();
    const reply = await begun;
    reply.end(STREAM.slice(1).join(''));
    expect(await (await post({ ...ask, stream: true })).text()).toBe(STREAM.join(''));
    expect(asked).toHaveLength(1);
    expect(await gateway.stores.ledger.usage('t1')).toMatchObject({ input_tokens: 100, output_tokens: 20 });
  });

  test.each(['over', 'cancelled'])('stops asking when the run is %s', async (how) => {
    const { run, post } = await start();
    const gone = Promise.withResolvers<void>();
    handler = (reply) => {
      sse(reply).write(STREAM[0]);
      reply.once('close', gone.resolve);
    };
    const response = await post({ ...ask, stream: true });
    const broken = expect(response.text()).rejects.toThrow();
    if (how === 'over') {
      const completion = { outcome: 'failed', reason: 'AGENT_FAILED', detail: '', exit_code: null, artifacts: [] } as const;
      await gateway.stores.runs.write(run.id, { completion });
      await gateway.stores.runs.end(run.id);
    } else await gateway.stores.outbox.requestCancel('t1');
    await Promise.all([gone.promise, broken]);
    expect((await codeOf(await post({ ...ask, stream: true }))).status).toBe(409);
    expect(asked).toHaveLength(1);
  });

  test('shows a dropped stream as broken, charges an estimate, and asks again', async () => {
    const { post } = await start();
    handler = (reply) => sse(reply).write(STREAM[0], () => reply.destroy());
    await expect((await post({ ...ask, stream: true })).text()).rejects.toThrow();
    handler = (reply) => sse(reply).end(STREAM[0]);
    await expect((await post({ ...ask, stream: true })).text()).rejects.toThrow();
    const usage = await gateway.stores.ledger.usage('t1');
    expect(usage.input_tokens).toBeGreaterThan(0);
    expect(usage.output_tokens).toBe(2);
    handler = streamed;
    expect(await (await post({ ...ask, stream: true })).text()).toBe(STREAM.join(''));
    expect(asked).toHaveLength(3);
  });

  test.each<[string, Handler, number, string, string | null]>([
    ['401', (reply) => reply.writeHead(401).end(JSON.stringify({ error: { message: `bad key ${MODEL_KEY}` } })), 401, 'MODEL_AUTH', null],
    ['403', (reply) => reply.writeHead(403).end('no'), 401, 'MODEL_AUTH', null],
    [
      '404',
      (reply) => reply.writeHead(404).end(JSON.stringify({ error: { message: `no such model, ${MODEL_KEY}` } })),
      404,
      'MODEL_REFUSED',
      null,
    ],
    ['422', (reply) => reply.writeHead(422).end('x'.repeat(10_000)), 422, 'MODEL_REFUSED', null],
    ['429 without Retry-After', (reply) => reply.writeHead(429).end('{}'), 429, 'MODEL_RATE_LIMITED', '5'],
    ['429 with Retry-After', (reply) => reply.writeHead(429, { 'retry-after': '17' }).end('{}'), 429, 'MODEL_RATE_LIMITED', '17'],
    ['500', (reply) => reply.writeHead(500).end(MODEL_KEY), 502, 'MODEL_UNAVAILABLE', null],
    ['a redirect', (reply) => reply.writeHead(302, { location: '/elsewhere' }).end(), 502, 'MODEL_PROTOCOL', null],
    ['HTML', (reply) => reply.writeHead(200, { 'content-type': 'text/html' }).end('<p>hi'), 502, 'MODEL_PROTOCOL', null],
    ['a garbled stream', (reply) => sse(reply).end('data: {"choi\n\n'), 502, 'MODEL_PROTOCOL', null],
    ['a stream with the key', (reply) => sse(reply).end(chunk({ content: MODEL_KEY })), 502, 'MODEL_REFUSED', null],
    [
      'a request longer than the context',
      (reply) => reply.writeHead(400).end(JSON.stringify({ error: { message: MODEL_KEY, code: 'context_length_exceeded' } })),
      400,
      'context_length_exceeded',
      null,
    ],
    ['a cut connection', (reply) => reply.destroy(), 503, 'MODEL_UNAVAILABLE', null],
    ['too much', (reply) => sse(reply).end(`: ${'x'.repeat(70_000)}\n\n`), 502, 'MODEL_PROTOCOL', null],
  ])('tells %s by its reason, and never the key', async (_name, answer, status, code, retryAfter) => {
    const { post } = await start({ caps: { modelAnswerBytes: 65_536 } });
    handler = answer;
    const response = await post({ ...ask, stream: true });
    expect(response.headers.get('retry-after')).toBe(retryAfter);
    const told = await codeOf(response);
    expect(told).toMatchObject({ status, code });
    expect(told.message.length).toBeLessThan(700);
    expect(told.message + gateway.logged.join()).not.toContain(MODEL_KEY);
    expect(asked).toHaveLength(1);
    expect((await gateway.stores.ledger.usage('t1')).output_tokens).toBeLessThan(2);
  });

  test('tells within the stream that an answer is refused for good, so that nobody asks for it again', async () => {
    const { post } = await start();
    handler = (reply) => sse(reply).end(STREAM[0] + chunk({ content: MODEL_KEY }));
    const told = await (await post({ ...ask, stream: true })).text();
    expect(told.startsWith(STREAM[0] ?? '-')).toBe(true);
    expect(JSON.parse(told.slice((STREAM[0] ?? '').length + 'data: '.length))).toMatchObject({ error: { code: 'MODEL_REFUSED' } });
    expect(told).not.toContain(MODEL_KEY);
  });

  test('tells an endpoint that is down, and one that is silent', async () => {
    const { post } = await start({ modelTimeoutMs: 300 });
    handler = () => undefined;
    expect(await codeOf(await post(ask))).toMatchObject({ status: 504, code: 'MODEL_TIMEOUT' });
    handler = (reply) => sse(reply).write(STREAM[0]);
    const heard: Buffer[] = [];
    const listen = async (body: AsyncIterable<Uint8Array> | null) => {
      for await (const bytes of body ?? []) heard.push(Buffer.from(bytes));
    };
    await expect(listen((await post({ ...ask, stream: true })).body)).rejects.toThrow();
    expect(Buffer.concat(heard).toString()).toContain('"code":"MODEL_TIMEOUT"');
    await gateway.close();
    const { post: postNowhere } = await start({ modelBaseUrl: await nowhere() });
    expect(await codeOf(await postNowhere(ask))).toMatchObject({ status: 503, code: 'MODEL_UNAVAILABLE' });
    expect(await gateway.stores.ledger.usage('t1')).toMatchObject({ input_tokens: 0, output_tokens: 0 });
  });

  test('keeps the budget in tokens, over fifty requests at once', async () => {
    const { post } = await start({ caps: { outputTokens: 900 } }, { limits: { tokens: 5000 } });
    const worst: number[] = [];
    const release = Promise.withResolvers<void>();
    handler = async (reply) => {
      worst.push(1);
      await release.promise;
      whole(reply, asked as never);
    };
    let refused = 0;
    const responses = await Promise.all(
      Array.from({ length: 50 }, async (_, turn) => {
        const response = await post(ask, turn);
        if (response.status === 402) refused += 1;
        if (refused === 45) release.resolve();
        return response;
      }),
    );
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(5);
    expect(worst).toHaveLength(5);
    const over = responses.find(({ status }) => status === 402);
    expect(over && (await codeOf(over))).toMatchObject({ code: 'BUDGET_EXHAUSTED' });
    expect((await gateway.stores.ledger.usage('t1')).input_tokens).toBe(500);
  });

  test('keeps the budget in money, and refuses what has no price', async () => {
    handler = whole;
    const { post } = await start({ caps: { outputTokens: 10 } }, { limits: { cost_usd: 0.0005 } });
    expect((await post(ask, 1)).status).toBe(200);
    expect((await post(ask, 2)).status).toBe(200);
    expect(await codeOf(await post(ask, 3))).toMatchObject({ status: 402, code: 'BUDGET_EXHAUSTED' });
    expect(await codeOf(await post({ ...ask, model: 'large' }, 4))).toMatchObject({ status: 400, code: 'MODEL_REFUSED' });
    expect(asked).toHaveLength(2);
  });

  test('limits the rate of a task, always with Retry-After', async () => {
    handler = whole;
    const { post } = await start({ modelRequestsPerMinute: 1 });
    expect((await post(ask, 1)).status).toBe(200);
    const limited = await post(ask, 2);
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await codeOf(limited)).status).toBe(429);
    // A replay costs nothing.
    expect((await post(ask, 1)).status).toBe(200);
  });

  test('offers the model to agents at work only, on two paths, in allowed models', async () => {
    const { run, post } = await start({}, { model: 'large' });
    expect(await (await run.send('GET', '/llm/v1/models')).json()).toMatchObject({ data: [{ id: 'large' }] });
    expect((await codeOf(await post(ask))).code).toBe('MODEL_REFUSED');
    expect((await codeOf(await post({ ...ask, model: 'large' }, 'x'))).message).toContain('x-codebay-turn');
    for (const path of ['files', 'embeddings', '../v1/files', 'chat/completions/../../files', 'responses/r1']) {
      expect((await post(ask, 1, path)).status).toBe(404);
    }
    expect((await run.send('GET', '/llm/v1/responses')).status).toBe(404);
    await gateway.task('t2');
    const early = await gateway.run('t2', 'setup');
    expect((await post(ask, 1, 'chat/completions', early)).status).toBe(403);
    const verify = await gateway.run('t2', 'agent', 'verify');
    expect((await post(ask, 1, 'chat/completions', verify)).status).toBe(403);
    expect(asked).toHaveLength(0);
  });

  test('drains: lets a turn under way finish, and begins none', async () => {
    const { post } = await start();
    const begun = holdStream();
    const first = await post({ ...ask, stream: true });
    const drained = gateway.drain(10_000);
    await expect(post(ask, 2)).rejects.toThrow();
    (await begun).end(STREAM.slice(1).join(''));
    expect(await first.text()).toBe(STREAM.join(''));
    await drained;
    expect(await gateway.stores.ledger.usage('t1')).toMatchObject({ output_tokens: 20 });
  });

  test('drains: ends a turn that takes too long, and settles an estimate', async () => {
    const { post } = await start();
    handler = (reply) => sse(reply).write(STREAM[0]);
    const first = await post({ ...ask, stream: true });
    const broken = expect(first.text()).rejects.toThrow();
    await gateway.drain(50);
    await broken;
    expect(await gateway.stores.ledger.usage('t1')).toMatchObject({ output_tokens: 1 });
  });
});

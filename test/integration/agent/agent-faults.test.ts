import { type Answer, lastContent } from '../../support/scripted-model.ts';
import { counting, countOf, withBench } from './agent-fixture.ts';

/** Answers in order; the last one again and again. */
const inOrder =
  (...answers: readonly Answer[]) =>
  (_request: unknown, turn: number): Answer =>
    answers[Math.min(turn, answers.length - 1)] ?? { text: 'done' };

const done: Answer = { text: 'All done.' };

describe('a turn that fails and is asked again', () => {
  const faults: readonly (readonly [string, Answer])[] = [
    ['a stream dropped after a complete call', { kind: 'drop', calls: [counting] }],
    [
      'a stream dropped in the middle of the arguments',
      { kind: 'drop', calls: [{ name: 'shell', arguments: '{"command":"echo ran >> co' }] },
    ],
    ['a stream that ends without a finish reason', { kind: 'drop', clean: true, calls: [counting] }],
    ['429 with Retry-After', { kind: 'error', status: 429, retryAfter: '0' }],
    ['429 without Retry-After', { kind: 'error', status: 429 }],
    ['500', { kind: 'error', status: 500 }],
    ['503 with a gateway code', { kind: 'error', status: 503, code: 'MODEL_UNAVAILABLE', retryAfter: '0' }],
    ['408', { kind: 'error', status: 408 }],
    ['garbage in the stream', { kind: 'raw', body: 'data: {"choices": [{"delta"\n\n' }],
    ['another kind of chunk', { kind: 'raw', body: 'data: {"hello": 1}\n\ndata: [DONE]\n\n' }],
    ['a page instead of a stream', { kind: 'raw', body: '<html>busy</html>', contentType: 'text/html' }],
    ['an error inside the stream', { kind: 'raw', body: 'data: {"error": {"message": "overloaded"}}\n\n' }],
  ];
  test.each(faults)('%s: the identical request again, the call runs once', async (_name, fault) => {
    await withBench(inOrder(fault, { calls: [counting] }, done), async (bench) => {
      expect(await bench.run()).toEqual({ status: 'completed', reason: null, detail: '', steps: 2 });
      expect(bench.model.requests).toHaveLength(3);
      expect(bench.model.requests[1]?.raw).toBe(bench.model.requests[0]?.raw);
      expect(bench.model.requests[2]?.body.messages).toHaveLength(4);
      expect(await countOf(bench)).toBe(1);
    });
  });

  test('silence, before and within an answer', async () => {
    const script = inOrder({ kind: 'silence' }, { kind: 'silence', begin: true, calls: [counting] }, { calls: [counting] }, done);
    await withBench(script, async (bench) => {
      expect(await bench.run({ model_timeout_seconds: 0.2 })).toMatchObject({ status: 'completed', steps: 2 });
      expect(bench.model.requests).toHaveLength(4);
      expect(await countOf(bench)).toBe(1);
    });
  });
});

describe('a model that never answers well', () => {
  const table: readonly (readonly [string, Answer, string, number | null])[] = [
    ['401', { kind: 'error', status: 401 }, 'MODEL_AUTH', 1],
    ['403', { kind: 'error', status: 403 }, 'MODEL_AUTH', 1],
    ['400', { kind: 'error', status: 400 }, 'MODEL_REFUSED', 1],
    ['404', { kind: 'error', status: 404 }, 'MODEL_REFUSED', 1],
    ['422', { kind: 'error', status: 422 }, 'MODEL_REFUSED', 1],
    ['402', { kind: 'error', status: 402 }, 'BUDGET_EXHAUSTED', 1],
    ['429 with the code of an empty budget', { kind: 'error', status: 429, code: 'BUDGET_EXHAUSTED' }, 'BUDGET_EXHAUSTED', 1],
    ['409 with the code of a closed run', { kind: 'error', status: 409, code: 'TERMINATED' }, 'TERMINATED', 1],
    ['429 with a Retry-After past the patience', { kind: 'error', status: 429, retryAfter: '3600' }, 'MODEL_RATE_LIMITED', 1],
    [
      'an answer refused within its stream',
      { kind: 'raw', body: 'data: {"error": {"message": "no", "code": "MODEL_REFUSED"}}\n\n' },
      'MODEL_REFUSED',
      1,
    ],
    ['a context that nothing fits into', { kind: 'error', status: 400, code: 'context_length_exceeded' }, 'MODEL_REFUSED', 2],
    ['429 for ever', { kind: 'error', status: 429 }, 'MODEL_RATE_LIMITED', null],
    ['500 for ever', { kind: 'error', status: 500 }, 'MODEL_UNAVAILABLE', null],
    ['garbage for ever', { kind: 'raw', body: 'data: nonsense\n\n' }, 'MODEL_PROTOCOL', 3],
    ['silence for ever', { kind: 'silence' }, 'MODEL_TIMEOUT', null],
    ['empty answers for ever', { text: '' }, 'MODEL_PROTOCOL', 3],
    ['cut arguments for ever', { calls: [{ name: 'shell', arguments: '{"command":"ec' }] }, 'MODEL_PROTOCOL', 3],
    ['a content filter for ever', { text: 'I', finish: 'content_filter' }, 'MODEL_REFUSED', 3],
  ];
  test.each(table)('%s', async (_name, answer, reason, requests) => {
    await withBench(inOrder(answer), async (bench) => {
      const started = performance.now();
      const result = await bench.run({ model_retry_seconds: 2, model_timeout_seconds: 0.5 });
      expect(result).toMatchObject({ status: 'failed', reason });
      if (requests !== null) expect(bench.model.requests).toHaveLength(requests);
      else expect(bench.model.requests.length).toBeGreaterThan(1);
      expect(performance.now() - started).toBeLessThan(8000);
      expect(await bench.output('explanation.md')).toContain('# Not finished: ');
      expect(await bench.output('transcript.jsonl')).toContain('Do the thing.');
    });
  });

  test('an endpoint that is not there', async () => {
    await withBench(inOrder(done), async (bench) => {
      await bench.model.close();
      expect(await bench.run({ model_retry_seconds: 1 })).toMatchObject({ status: 'failed', reason: 'MODEL_UNAVAILABLE' });
    });
  });
});

test('a history longer than the context is shortened once, and stays short', async () => {
  const long = { name: 'shell', arguments: { command: 'yes 0123456789 | head -c 9000' } } as const;
  const tooLong: Answer = { kind: 'error', status: 400, code: 'context_length_exceeded' };
  const calls = Array.from(
    { length: 6 },
    (_, index): Answer => ({ calls: [{ ...long, arguments: { command: `${long.arguments.command}; : ${index}` } }] }),
  );
  await withBench(inOrder(...calls, tooLong, { calls: [counting] }, done), async (bench) => {
    expect(await bench.run()).toMatchObject({ status: 'completed', steps: 8 });
    const sizes = bench.model.requests.map(({ raw }) => raw.length);
    const [refused = 0, shortened = 0, next = 0] = sizes.slice(6);
    expect(shortened).toBeLessThan(refused * 0.6);
    expect(next).toBeLessThan(refused * 0.7);
    expect(bench.model.requests[7]?.raw).toContain('Do the thing.');
    expect(await countOf(bench)).toBe(1);
  });
});

describe('answers that are finished but not whole', () => {
  test('length: the partial text is kept and the model goes on', async () => {
    await withBench(inOrder({ text: 'First half, ', finish: 'length' }, { text: 'second half.' }), async (bench) => {
      expect(await bench.run()).toMatchObject({ status: 'completed', steps: 2 });
      expect(await bench.output('explanation.md')).toBe('First half, second half.\n');
      expect(bench.model.requests[1]?.body.messages.at(-2)).toEqual({ role: 'assistant', content: 'First half, ' });
    });
  });

  test('length: calls are reported as not run, even where they look whole', async () => {
    await withBench(inOrder({ calls: [counting], finish: 'length' }, { calls: [counting] }, done), async (bench) => {
      expect(await bench.run()).toMatchObject({ status: 'completed' });
      expect(await countOf(bench)).toBe(1);
      expect(bench.model.requests).toHaveLength(3);
      expect(bench.model.requests[1]?.body.messages.at(-1)?.content).toContain('this call was not run');
    });
  });

  const invalid: readonly (readonly [string, string, string])[] = [
    ['cut JSON', 'shell', '{"command":"echo ran >> count'],
    ['JSON that a repair would complete', 'shell', '{"command":"echo ran >> count"'],
    ['another type', 'shell', '{"command": 5}'],
    ['an unknown field', 'shell', '{"command":"echo ran >> count","sudo":true}'],
    ['no arguments', 'shell', ''],
    ['an unknown tool', 'bash', '{"command":"echo ran >> count"}'],
  ];
  test.each(invalid)('%s: never run, the model is told, the valid call beside it runs', async (_name, name, json) => {
    const script = inOrder({ calls: [{ name, arguments: json }, counting] }, done);
    await withBench(script, async (bench) => {
      expect(await bench.run()).toMatchObject({ status: 'completed' });
      expect(await countOf(bench)).toBe(1);
      const [, answer, refused, counted] = bench.model.requests[1]?.body.messages.slice(1) ?? [];
      expect(refused?.content).toMatch(/^error: this call was not run/);
      expect(counted?.content).toContain('counted');
      for (const call of answer?.tool_calls ?? []) expect(() => JSON.parse(call.function.arguments)).not.toThrow();
    });
  });
});

test('the observation that the model sees is what the command printed', async () => {
  await withBench(
    (request, turn) =>
      turn === 0
        ? { calls: [{ name: 'shell', arguments: { command: 'echo out; echo err >&2; exit 3' } }] }
        : { text: lastContent(request) },
    async (bench) => {
      await bench.run();
      expect(await bench.output('llm_response.txt')).toMatch(/^exit code 3 \(\d+\.\d s\)\nout\nerr\n$/);
    },
  );
});

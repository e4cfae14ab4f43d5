import { modelRequestOf } from '../../../api/gateway/model/model-request.ts';
import { createClient } from '../../../sdk/index.ts';
import { signRunIdentity } from '../../../tasks/run-identity.ts';
import { startNginx } from '../../servers/nginx.ts';
import { GIT_TASK } from '../../support/api.ts';
import { createDataFolder, startApi } from '../../support/api-process.ts';
import { startScriptedModel } from '../../support/scripted-model.ts';
import { until } from '../../support/until.ts';

type Api = Awaited<ReturnType<typeof startApi>>;

let data: Awaited<ReturnType<typeof createDataFolder>>;
let model: Awaited<ReturnType<typeof startScriptedModel>>;
let held: PromiseWithResolvers<void>;
let pair: [Api, Api];
beforeEach(async () => {
  data = await createDataFolder();
  held = Promise.withResolvers();
  model = await startScriptedModel(async () => {
    await held.promise;
    return { text: 'Done.', usage: [10, 5] };
  });
  const env = { OPENAI_BASE_URL: model.url, CODEBAY_MODELS: 'scripted' };
  pair = await Promise.all([startApi(data.folder, env), startApi(data.folder, env)]);
});
afterEach(async () => {
  held.resolve();
  await model.close();
  await Promise.all(pair.map((api) => api.stop()));
  await data.remove();
});

const client = ({ url }: { readonly url: string }) => createClient({ url, apiKey: data.apiKey });
const BODY = JSON.stringify({
  model: 'scripted',
  messages: [{ role: 'user', content: 'hello' }],
  max_completion_tokens: 100,
  stream: true,
});

/** A task whose agent runs, and what its sidecar asks a gateway. */
const runningTask = async (tokens?: number) => {
  const { id } = await client(pair[0]).submit({ ...GIT_TASK, ...(tokens === undefined ? {} : { limits: { tokens } }) });
  const runId = `${id}-a1`;
  await data.stores.tasks.update(id, 1, { status: 'PROCESSING' });
  await data.stores.runs.open({ id: runId, taskId: id, kind: 'agent', epoch: 1 });
  await data.stores.runs.write(runId, { phase: 'agent' });
  const authorization = `Bearer ${signRunIdentity('7'.repeat(64), { runId, expiresAt: Date.now() + 3600_000 })}`;
  const ask = async (gateway: string, turn: number): Promise<number> => {
    const headers = { authorization, 'content-type': 'application/json', 'x-codebay-turn': String(turn) };
    const response = await fetch(`${gateway}/llm/v1/chat/completions`, { method: 'POST', headers, body: BODY });
    await response.arrayBuffer();
    return response.status;
  };
  return { id, ask };
};
const gatewayOf = (api: Api): string => `http://127.0.0.1:${api.gateway_port}`;

test('a budget holds to the token under 50 parallel calls over two gateways', async () => {
  const { inputTokens, maxOutputTokens } = modelRequestOf('chat/completions', Buffer.from(BODY), {
    models: ['scripted'],
    capTokens: 32_768,
  });
  const worst = inputTokens + maxOutputTokens;
  const task = await runningTask(17 * worst + worst - 1);
  let refused = 0;
  const asking = Array.from({ length: 50 }, async (_, turn) => {
    const status = await task.ask(gatewayOf(turn % 2 === 0 ? pair[0] : pair[1]), turn + 1);
    if (status === 402) refused += 1;
    return status;
  });
  await until('each call is granted or refused', () => model.requests.length + refused === 50);
  expect(model.requests.length).toBe(17);
  held.resolve();
  const statuses = await Promise.all(asking);
  expect(statuses.filter((status) => status === 200)).toHaveLength(17);
  expect(await data.stores.ledger.usage(task.id)).toMatchObject({ input_tokens: 170, output_tokens: 85, turns: 17 });
}, 90_000);

test('a finished turn is replayed by the other gateway, unpaid', async () => {
  const task = await runningTask();
  held.resolve();
  expect(await task.ask(gatewayOf(pair[0]), 1)).toBe(200);
  expect(await task.ask(gatewayOf(pair[1]), 1)).toBe(200);
  expect(model.requests).toHaveLength(1);
});

test('a cancel by one replica cuts the model turn at the other', async () => {
  const task = await runningTask();
  const asking = task.ask(gatewayOf(pair[0]), 1);
  await until('the model is asked', () => model.requests.length === 1);
  expect((await client(pair[1]).cancel(task.id)).id).toBe(task.id);
  expect(await asking).toBe(409);
});

test('a stream of one replica shows what the other one writes', async () => {
  const { id } = await client(pair[0]).submit(GIT_TASK);
  await client(pair[0]).message(id, 'from this one');
  const seen: string[] = [];
  for await (const event of client(pair[0]).events(id)) {
    if (event.type === 'message') seen.push(event.data.text);
    if (seen.length === 2) break;
    await client(pair[1]).message(id, 'from the other', 'm1');
  }
  expect(seen).toEqual(['from this one', 'from the other']);
});

test('an Idempotency-Key is one task over both replicas, at once and later', async () => {
  const submit = (api: Api) => client(api).submit(GIT_TASK, { idempotencyKey: 'k' });
  const first = await Promise.allSettled([submit(pair[0]), submit(pair[1])]);
  const ids = [...first.flatMap((one) => (one.status === 'fulfilled' ? [one.value.id] : [])), (await submit(pair[1])).id];
  expect(new Set(ids).size).toBe(1);
  expect((await data.stores.tasks.list({ owner: 'ada', limit: 10 })).tasks).toHaveLength(1);
});

test('a revoked key is refused by both within seconds', async () => {
  const key = await data.stores.apiKeys.create('ada', 'lost');
  const status = async ({ url }: Api) => (await fetch(`${url}/v1/tasks`, { headers: { authorization: `Bearer ${key}` } })).status;
  expect(await Promise.all(pair.map(status))).toEqual([200, 200]);
  const lost = (await data.stores.apiKeys.list()).find(({ label }) => label === 'lost');
  await data.stores.apiKeys.revoke(lost?.id ?? '');
  await until('both refuse it', async () => (await Promise.all(pair.map(status))).every((one) => one === 401), 6_000);
});

describe('runs behind the TCP proxy', () => {
  test('a run goes on at the other gateway when its own dies in the middle of a turn', async () => {
    const task = await runningTask();
    const other = await startScriptedModel(() => ({ text: 'Done.', usage: [10, 5] }));
    // Each replica with a model of its own, which tells where the turn went: the first one never answers.
    const second = await startApi(data.folder, { OPENAI_BASE_URL: other.url, CODEBAY_MODELS: 'scripted' });
    const gatewayPorts = [pair[0].gateway_port, second.gateway_port];
    const nginx = await startNginx({ apiPorts: [pair[0].port, second.port], gatewayPorts });
    try {
      const gateway = nginx.gatewayUrl ?? '';
      const held = await until('a turn has gone to the first', async () => {
        const asking = task.ask(gateway, 1 + model.requests.length + other.requests.length).then(
          () => 'answered',
          () => 'broken',
        );
        return (await Promise.race([asking, until('the model is asked', () => model.requests.length === 1)])) === true && { asking };
      });
      await pair[0].stop();
      expect(await held.asking).toBe('broken');
      expect(await task.ask(gateway, 100)).toBe(200);
    } finally {
      await nginx.stop();
      await second.stop();
      await other.close();
    }
  });
});

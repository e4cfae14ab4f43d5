import { createTestApi, GIT_TASK, jsonRequest, submitted, type TestApi } from '../../support/api.ts';

let api: TestApi;
let bob: string;
let taskId: string;
beforeAll(async () => {
  api = await createTestApi();
  bob = await api.stores.apiKeys.create('bob');
  taskId = await submitted(api);
});
afterAll(() => api.close());

const as = (key: string, path: string, init: RequestInit = {}) =>
  api.request(path, { ...init, headers: { ...Object.fromEntries(new Headers(init.headers)), authorization: `Bearer ${key}` } });

/** Every route that the app has, whoever added it. */
const routes = () => [
  ...new Map(api.app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => [`${method} ${path}`, { method, path }])),
];

const BODIES: Readonly<Record<string, object>> = { '/v1/tasks/:id/messages': { text: 'do something else', id: 'from-bob' } };
const OF_ALL_TASKS = ['GET /v1/tasks', 'POST /v1/tasks'];
const WITHOUT_KEY = ['GET /livez', 'GET /readyz', 'GET /metrics', 'GET /openapi.json', 'GET /docs', 'GET /objects/*'];

test('every route is of one task, of the list, or known to need no key', () => {
  const names = routes().map(([name]) => name);
  const ofOneTask = names.filter((name) => name.includes('/v1/tasks/:id'));
  expect(ofOneTask.length).toBeGreaterThan(8);
  expect(names.filter((name) => !ofOneTask.includes(name)).sort()).toEqual([...OF_ALL_TASKS, ...WITHOUT_KEY].sort());
});

test("another owner's task is as absent as one that never was, on every route, and nothing happens to it", async () => {
  await api.stores.tasks.update(taskId, 1, {
    status: 'PROCESSING',
    artifacts: [{ name: 'diff.patch', size_bytes: 1, sha256: 'a'.repeat(64) }],
  });
  const before = await api.stores.tasks.get(taskId);
  const calls = [...api.calls];
  const events = (await api.stores.events.read(taskId, 0, 100)).events;
  const answered: string[] = [];
  for (const [name, { method, path }] of routes()) {
    if (!path.startsWith('/v1/tasks/:id')) continue;
    const ask = async (id: string, accept: string) => {
      const body = method === 'POST' ? jsonRequest(BODIES[path] ?? {}) : {};
      const headers = { ...Object.fromEntries(new Headers(body.headers)), accept };
      const response = await as(bob, path.replace(':id', id).replace(/:\w+/g, 'diff.patch'), { ...body, method, headers });
      const { request_id: _, ...problem } = (await response.json()) as Record<string, unknown>;
      return { status: response.status, problem };
    };
    for (const accept of ['*/*', 'text/event-stream']) {
      const others = await ask(taskId, accept);
      expect([name, others.status]).toEqual([name, 404]);
      expect(others).toEqual(await ask('never-made', accept));
    }
    answered.push(name);
  }
  expect(answered).toEqual(expect.arrayContaining(['GET /v1/tasks/:id', 'DELETE /v1/tasks/:id', 'POST /v1/tasks/:id/cancel']));
  expect(await api.stores.tasks.get(taskId)).toEqual(before);
  expect((await api.stores.events.read(taskId, 0, 100)).events).toEqual(events);
  expect(await api.stores.mailbox.read(taskId, 0)).toEqual([]);
  expect(api.calls).toEqual(calls);
});

test("a cursor of another owner's list opens the asker's own list only", async () => {
  for (let n = 0; n < 3; n += 1) await submitted(api);
  const { next_cursor } = (await (await api.request('/v1/tasks?limit=1')).json()) as { next_cursor: string };
  expect(next_cursor).toEqual(expect.any(String));
  expect(await (await as(bob, `/v1/tasks?limit=1&cursor=${next_cursor}`)).json()).toEqual({ data: [], next_cursor: null });
  const own = (await (await as(bob, '/v1/tasks', jsonRequest(GIT_TASK))).json()) as { id: string };
  const listed = (await (await as(bob, '/v1/tasks')).json()) as { data: { id: string }[] };
  expect(listed.data.map(({ id }) => id)).toEqual([own.id]);
});

test("another owner's Idempotency-Key is another key", async () => {
  const post = async (key: string) =>
    (await (await as(key, '/v1/tasks', jsonRequest(GIT_TASK, { 'idempotency-key': 'shared' }))).json()) as { id: string };
  expect((await post(bob)).id).not.toBe((await post(api.key)).id);
});

test('a revoked key is refused as soon as it is no longer remembered', async () => {
  let time = Date.now();
  const other = await createTestApi({ override: () => ({ now: () => time }) });
  try {
    const status = async () => (await other.request('/v1/tasks')).status;
    expect(await status()).toBe(200);
    const [key] = await other.stores.apiKeys.list();
    await other.stores.apiKeys.revoke(key?.id ?? '');
    time += 5000;
    expect(await status()).toBe(401);
  } finally {
    await other.close();
  }
});

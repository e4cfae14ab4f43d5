import { randomBytes } from 'node:crypto';
import { type Cache, openCache } from '../../../platform/open-cache.ts';
import { startRedis, type TestRedis } from '../../servers/redis.ts';
import { createTestApi, GIT_TASK, jsonRequest, submitted, type TestApi, type TestApiOptions } from '../../support/api.ts';
import { createDataFolder, startApi } from '../../support/api-process.ts';
import { until } from '../../support/until.ts';

const quiet = { info: () => undefined, warn: () => undefined };
let server: TestRedis;
let prefix: string;
let caches: Cache[];
let apis: TestApi[];

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(() => {
  prefix = `test-${randomBytes(6).toString('hex')}:`;
  caches = [];
  apis = [];
});
afterEach(async () => {
  for (const api of apis.reverse()) await api.close();
  for (const cache of caches) cache.close();
});

/** Patient, as a busy machine needs it. */
const settingsOf = (url: string | undefined) =>
  ({ CODEBAY_CACHE: 'redis', CODEBAY_REDIS_URL: url, CODEBAY_REDIS_PREFIX: prefix, CODEBAY_REDIS_TIMEOUT_MS: 10_000 }) as const;

/** A process of the fleet: an API over Redis; its `stores` are a worker's just as well. */
const replica = async (options: TestApiOptions = {}): Promise<TestApi> => {
  const cache = await openCache(settingsOf(server.url), quiet);
  caches.push(cache);
  const first = apis[0];
  const api = await createTestApi({ cache, ...(first === undefined ? {} : { folder: first.data }), ...options });
  apis.push(api);
  return api;
};
const shown = async (api: TestApi, id: string) =>
  (await (await api.request(`/v1/tasks/${id}`)).json()) as {
    status: string;
    phase: string | null;
    cancel_requested: boolean;
    code?: string;
  };
const kept = (id: string) => server.admin.get(`${prefix}task:${id}`);
/** Waits for what is written behind the answer. */
const cached = (id: string) => until('the cached task', async () => (await kept(id))?.includes('{'));

describe('GET /v1/tasks/{id} over Redis', () => {
  it('is served without the store once a replica has shown the task', async () => {
    const api = await replica();
    const id = await submitted(api, { status: 'COMPLETED' });
    const blind = await replica({
      override: ({ stores }) => ({
        stores: { ...stores, tasks: { ...stores.tasks, get: () => Promise.reject(new Error('the store was asked')) } },
      }),
    });
    const first = await (await api.request(`/v1/tasks/${id}`)).text();
    await cached(id);
    const second = await blind.request(`/v1/tasks/${id}`);
    expect(second.status).toBe(200);
    expect(await second.text()).toBe(first);
  });

  it('follows every write of another process at once', async () => {
    const api = await replica();
    const worker = await replica();
    const id = await submitted(api);
    const see = async () => {
      const { status, phase, cancel_requested } = await shown(api, id);
      await cached(id);
      return [status, phase, cancel_requested];
    };
    expect(await see()).toEqual(['QUEUED', null, false]);
    await worker.stores.tasks.update(id, 1, { status: 'PROCESSING', phase: 'RESOLVING' });
    expect(await see()).toEqual(['PROCESSING', 'RESOLVING', false]);
    await worker.stores.outbox.requestCancel(id);
    expect(await see()).toEqual(['PROCESSING', 'RESOLVING', true]);
    await worker.stores.outbox.endWithoutWorkflow(id, 'CANCELLED');
    expect(await see()).toEqual(['CANCELLED', null, true]);
  });

  it('agrees with the store within five seconds where a write was never told', async () => {
    const api = await replica();
    const id = await submitted(api, { status: 'PROCESSING', phase: 'RESOLVING' });
    await shown(api, id);
    await cached(id);
    const silent = await createTestApi({ folder: api.data });
    await silent.stores.tasks.update(id, 2, { phase: 'RUNNING_AGENT' });
    await silent.close();
    await until('the new phase', async () => (await shown(api, id)).phase === 'RUNNING_AGENT', 5000);
  });

  it("is nobody else's, cached or not", async () => {
    const api = await replica();
    const id = await submitted(api);
    await shown(api, id);
    await cached(id);
    const authorization = `Bearer ${await api.stores.apiKeys.create('mallory')}`;
    expect((await api.request(`/v1/tasks/${id}`, { headers: { authorization } })).status).toBe(404);
    expect((await api.request(`/v1/tasks/${id}`)).status).toBe(200);
  });

  it('a reader that was slow to write what it read loses', async () => {
    const api = await replica();
    const id = await submitted(api, { status: 'PROCESSING', phase: 'RESOLVING' });
    const reading = Promise.withResolvers<void>();
    const mayGoOn = Promise.withResolvers<void>();
    const slow = await replica({
      override: ({ stores }) => ({
        stores: {
          ...stores,
          runs: {
            ...stores.runs,
            list: async (taskId) => {
              reading.resolve();
              await mayGoOn.promise;
              return stores.runs.list(taskId);
            },
          },
        },
      }),
    });
    const late = shown(slow, id);
    await reading.promise;
    await api.stores.tasks.update(id, 2, { phase: 'RUNNING_AGENT' });
    mayGoOn.resolve();
    expect((await late).phase).toBe('RESOLVING');
    expect((await shown(api, id)).phase).toBe('RUNNING_AGENT');
    expect((await shown(slow, id)).phase).toBe('RUNNING_AGENT');
  });

  it('an erased task is gone from every replica, and from Redis', async () => {
    const [api, other] = [await replica(), await replica()];
    const id = await submitted(api, { status: 'COMPLETED' });
    await shown(api, id);
    await cached(id);
    expect(await kept(id)).toContain('Fix the test.');
    expect((await api.request(`/v1/tasks/${id}`, { method: 'DELETE' })).status).toBe(204);
    for (const one of [api, other]) expect((await shown(one, id)).code).toBe('NOT_FOUND');
    expect(await kept(id)).not.toContain('Fix the test.');
  });
});

describe('event streams over Redis', () => {
  it("another process's events wake a stream long before the store is polled", async () => {
    const worker = await replica();
    const cache = await openCache(settingsOf(server.url), quiet);
    caches.push(cache);
    // Polled so seldom that it may as well be never.
    const notifications = cache.notifications && { ...cache.notifications, pollMs: 3600_000 };
    const api = await replica({ cache: { ...cache, notifications } });
    const id = await submitted(worker);
    const response = await api.request(`/v1/tasks/${id}/events`, { headers: { accept: 'text/event-stream' } });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = '';
    const reading = (async () => {
      for (let part = await reader.read(); !part.done; part = await reader.read()) text += Buffer.from(part.value).toString();
    })();
    let appended = 0;
    await until('a woken stream', async () => {
      // Anew until the subscription stands: hints before it are lost.
      appended += 1;
      const log = { type: 'log', data: { stream: 'agent', text: 'x' }, source_seq: appended, at: appended } as const;
      await worker.stores.events.append(id, 'run', [log]);
      return text.includes('event: log');
    });
    await reader.cancel();
    await reading;
  });
});

describe('limits of an owner', () => {
  const requests = (perMinute: number) => ({ ownerLimits: { requestsPerMinute: perMinute, submissionsPerMinute: 0, tasks: 0 } });

  it('two replicas share the requests of a minute', async () => {
    const [api, other] = [await replica({ options: requests(10) }), await replica({ options: requests(10) })];
    const statuses: number[] = [];
    for (let n = 0; n < 12; n += 1) statuses.push((await (n % 2 === 0 ? api : other).request('/v1/tasks')).status);
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 200), 429, 429]);
  });

  it('submissions too, before anything of their body is read', async () => {
    const options = { ownerLimits: { requestsPerMinute: 0, submissionsPerMinute: 1, tasks: 0 } };
    const [api, other] = [await replica({ options }), await replica({ options })];
    expect((await api.request('/v1/tasks', jsonRequest(GIT_TASK))).status).toBe(202);
    expect((await other.request('/v1/tasks', jsonRequest('not even JSON'))).status).toBe(429);
  });
});

describe('api/server.ts', () => {
  it('two processes over one Redis share the limits, and end when they are told to', async () => {
    const data = await createDataFolder();
    const env = {
      CODEBAY_CACHE: 'redis',
      CODEBAY_REDIS_URL: server.url,
      CODEBAY_REDIS_PREFIX: prefix,
      CODEBAY_REDIS_TIMEOUT_MS: '10000',
      CODEBAY_OWNER_REQUESTS_PER_MINUTE: '4',
    };
    const processes = [await startApi(data.folder, env), await startApi(data.folder, env)];
    try {
      const statuses: number[] = [];
      for (const { url } of [...processes, ...processes, ...processes]) {
        statuses.push((await fetch(`${url}/v1/tasks`, { headers: { authorization: `Bearer ${data.apiKey}` } })).status);
      }
      expect(statuses).toEqual([200, 200, 200, 200, 429, 429]);
      for (const api of processes) api.signal('SIGTERM');
      expect(await Promise.all(processes.map(({ exited }) => exited))).toEqual([0, 0]);
    } finally {
      for (const api of processes) await api.stop();
      await data.remove();
    }
  });

  it('CODEBAY_CACHE=redis needs an address', async () => {
    await expect(openCache(settingsOf(undefined), quiet)).rejects.toThrow(/^CODEBAY_REDIS_URL: /);
  });
});

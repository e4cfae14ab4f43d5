import { randomBytes } from 'node:crypto';
import { type Cache, openCache } from '../../../platform/open-cache.ts';
import type { SourcedEvent } from '../../../tasks/ports/event-log.ts';
import { startRedis, type TestRedis } from '../../servers/redis.ts';
import { createTestApi, submitted, type TestApi } from '../../support/api.ts';
import { until } from '../../support/until.ts';

let server: TestRedis;
let prefix: string;
let logged: string[];
let closing: (() => unknown)[];

beforeEach(async () => {
  server = await startRedis();
  prefix = `test-${randomBytes(6).toString('hex')}:`;
  logged = [];
  closing = [];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
  await server.stop();
});

const PATIENT_MS = 10_000;
const open = async (timeoutMs: number, url = server.url): Promise<Cache> => {
  const note = (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const settings = { CODEBAY_REDIS_URL: url, CODEBAY_REDIS_PREFIX: prefix, CODEBAY_REDIS_TIMEOUT_MS: timeoutMs };
  const cache = await openCache({ CODEBAY_CACHE: 'redis', ...settings }, { info: note, warn: note });
  closing.push(cache.close);
  return cache;
};
const replica = async (cache: Cache, folder?: string): Promise<TestApi> => {
  const api = await createTestApi({ cache, ...(folder === undefined ? {} : { folder }) });
  closing.push(api.close);
  return api;
};
const phaseOf = async (api: TestApi, id: string): Promise<string | null> => {
  const response = await api.request(`/v1/tasks/${id}`);
  expect(response.status).toBe(200);
  return ((await response.json()) as { phase: string | null }).phase;
};
/** Shows the task until Redis has it: what was away is used again. */
const joinsIn = (api: TestApi, id: string) =>
  until('Redis in use', async () => {
    await phaseOf(api, id);
    return server.admin.status === 'ready' && (await server.admin.get(`${prefix}task:${id}`))?.includes('PROCESSING');
  });
const told = (what: string) => logged.filter((line) => line.startsWith(what)).length;

interface Fault {
  begin(): unknown;
  end(): unknown;
  /** Longer than a busy machine ever needs where the fault doesn't call for it. */
  readonly timeoutMs: number;
  /** How often the log speaks of it. */
  readonly outages: number;
  readonly refusals: number;
}

const FAULTS: Readonly<Record<string, Fault>> = {
  flushed: { begin: () => server.flush(), end: () => undefined, timeoutMs: PATIENT_MS, outages: 0, refusals: 0 },
  full: { begin: () => server.fill(), end: () => server.drain(), timeoutMs: PATIENT_MS, outages: 0, refusals: 1 },
  hung: { begin: () => server.hang(), end: () => server.resume(), timeoutMs: 200, outages: 1, refusals: 0 },
  gone: { begin: () => server.kill(), end: () => server.start(), timeoutMs: PATIENT_MS, outages: 1, refusals: 0 },
};

/** With 200 ms of waiting in each, this many requests would take five seconds. */
const REQUESTS = 25;

describe.each(Object.keys(FAULTS))('while Redis is %s', (name) => {
  const fault = FAULTS[name];
  if (fault === undefined) throw new Error(name);

  it('tasks are shown as they are, at once; rates are kept; it joins in by itself afterwards', async () => {
    const api = await replica(await open(fault.timeoutMs));
    const worker = await replica(await open(fault.timeoutMs), api.data);
    const id = await submitted(api, { status: 'PROCESSING', phase: 'RESOLVING' });
    await joinsIn(api, id);

    await fault.begin();
    await worker.stores.tasks.update(id, 2, { phase: 'RUNNING_AGENT' });
    const begunAt = performance.now();
    for (let n = 0; n < REQUESTS; n += 1) expect(await phaseOf(api, id)).toBe('RUNNING_AGENT');
    expect(performance.now() - begunAt).toBeLessThan(2500);
    const limit = api.deps.rates.limit('here', 2);
    const taken = [await limit.take('ada'), await limit.take('ada'), await limit.take('ada')];
    expect(taken.map(({ granted }) => granted)).toEqual([true, true, false]);
    await worker.stores.tasks.update(id, 3, { phase: 'COLLECTING' });
    expect(await phaseOf(api, id)).toBe('COLLECTING');

    await fault.end();
    await joinsIn(api, id);
    expect(await phaseOf(api, id)).toBe('COLLECTING');
    // Two processes noticed, each once.
    for (const sentence of ['Redis does not answer', 'Redis answers again']) expect(told(sentence)).toBeLessThanOrEqual(2 * fault.outages);
    expect(told('Redis does not answer')).toBeGreaterThanOrEqual(fault.outages);
    expect(told('Redis refuses')).toBeLessThanOrEqual(2 * fault.refusals);
    expect(told('Redis refuses')).toBeGreaterThanOrEqual(fault.refusals);
  });
});

it('a request that finds Redis hung waits for less than 100 ms before it asks the store, and those after it not at all', async () => {
  const cache = await open(80);
  const waitOf = async (): Promise<number> => {
    const begunAt = performance.now();
    await cache.statusCache?.get('t1');
    return performance.now() - begunAt;
  };
  const first: number[] = [];
  const later: number[] = [];
  for (let round = 1; round <= 4; round += 1) {
    server.hang();
    first.push(await waitOf());
    later.push(await waitOf());
    server.resume();
    await until('Redis to be back', async () => {
      await waitOf();
      return told('Redis answers again') === round;
    });
  }
  // The best of several: this machine may be busy, but no round can be quicker than the wait.
  expect(Math.min(...first)).toBeGreaterThan(70);
  expect(Math.min(...first)).toBeLessThan(100);
  expect(Math.min(...later)).toBeLessThan(5);
});

it('requests that wait behind others for a Redis that hangs are let go with them', async () => {
  const cache = await open(300);
  server.hang();
  const begunAt = performance.now();
  const first = cache.statusCache?.get('t1');
  // In a batch of its own, which is sent when the first has come to its end.
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  await Promise.all([first, cache.statusCache?.get('t2')]);
  expect(performance.now() - begunAt).toBeLessThan(550);
  server.resume();
});

it('a station starts without Redis, and takes it in when it is there', async () => {
  await server.kill();
  const api = await replica(await open(PATIENT_MS));
  const id = await submitted(api, { status: 'PROCESSING', phase: 'RESOLVING' });
  expect(await phaseOf(api, id)).toBe('RESOLVING');
  expect(told('Redis does not answer')).toBe(1);
  await server.start();
  await joinsIn(api, id);
  expect(told('Redis answers again')).toBe(1);
});

it('a password is never logged, and a refused one is an outage', async () => {
  const api = await replica(await open(PATIENT_MS, server.url.replace('redis://', 'redis://nobody:canary-3f8e@')));
  const id = await submitted(api, { status: 'PROCESSING', phase: 'RESOLVING' });
  expect(await phaseOf(api, id)).toBe('RESOLVING');
  await api.stores.tasks.update(id, 2, { phase: 'COLLECTING' });
  expect(await phaseOf(api, id)).toBe('COLLECTING');
  expect(logged).toEqual([expect.stringContaining('WRONGPASS')]);
  expect(logged.join()).not.toContain('canary');
});

describe('an event stream', () => {
  const log = (n: number): SourcedEvent => ({ type: 'log', data: { stream: 'agent', text: `${n}` }, source_seq: n, at: n });
  const last: SourcedEvent = {
    type: 'status',
    data: { status: 'COMPLETED', phase: null, waiting_for: null, failure: null },
    source_seq: 1,
    at: 1,
  };

  it('has each event once, in order, while Redis is flushed, killed, restarted, full and hung', async () => {
    const api = await replica(await open(80));
    const worker = await replica(await open(80), api.data);
    const id = await submitted(api);
    const response = await api.request(`/v1/tasks/${id}/events`, { headers: { accept: 'text/event-stream' } });
    const text = { read: '' };
    const reading = (async () => {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) text.read += Buffer.from(chunk).toString();
    })();
    const seen = () => [...text.read.matchAll(/^id: (\d+)$/gm)].map(([, seq]) => Number(seq));

    const steps = [
      () => server.flush(),
      () => server.kill(),
      () => server.start(),
      () => server.fill(),
      () => server.drain(),
      () => server.hang(),
      () => server.resume(),
    ];
    let written = 0;
    for (const step of [() => undefined, ...steps]) {
      await step();
      for (let n = 0; n < 5; n += 1) {
        written += 1;
        await worker.stores.events.append(id, 'run', [log(written)]);
      }
      await until(`event ${written}`, () => seen().at(-1) === written);
    }
    await worker.stores.events.append(id, 'end', [last]);
    await reading;
    expect(seen()).toEqual(Array.from({ length: written + 1 }, (_, n) => n + 1));
  });
});

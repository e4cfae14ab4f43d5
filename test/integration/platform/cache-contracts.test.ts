import { createProcessLocks } from '../../../platform/process/locks.ts';
import { createProcessRates } from '../../../platform/process/rates.ts';
import { createProcessStatusCache } from '../../../platform/process/status-cache.ts';
import { createRedisLocks } from '../../../platform/redis/locks.ts';
import { createRedisNotifications } from '../../../platform/redis/notifications.ts';
import { createRedisRates } from '../../../platform/redis/rates.ts';
import { createRedisStatusCache } from '../../../platform/redis/status-cache.ts';
import { startRedis, type TestRedis } from '../../servers/redis.ts';
import { locksContract } from '../../support/locks-contract.ts';
import { ratesContract } from '../../support/rates-contract.ts';
import { createConnections } from '../../support/redis-connection.ts';
import { statusCacheContract } from '../../support/status-cache-contract.ts';
import { until } from '../../support/until.ts';

const createClock = () => {
  let ahead = 0;
  return { now: () => Date.now() + ahead, move: (ms: number) => (ahead += ms) };
};
const nothing = async () => undefined;

describe('one process', () => {
  statusCacheContract('the process', async () => {
    const { now, move } = createClock();
    return { cache: createProcessStatusCache(now), now, advance: async (ms) => void move(ms), dispose: nothing };
  });
  locksContract('the process', async () => {
    const { now, move } = createClock();
    return { locks: createProcessLocks(now), advance: async (ms) => void move(ms), dispose: nothing };
  });
  ratesContract('the process', async () => ({ rates: createProcessRates(), dispose: nothing }));
});

describe('Redis', () => {
  let server: TestRedis;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  statusCacheContract('Redis', async () => {
    const connections = createConnections(server);
    const { now, move } = createClock();
    return {
      cache: createRedisStatusCache(await connections.connect(), now),
      now,
      advance: async (ms) => {
        move(ms);
        await connections.age(ms);
      },
      dispose: async () => connections.close(),
    };
  });
  locksContract('Redis', async () => {
    const connections = createConnections(server);
    return { locks: createRedisLocks(await connections.connect()), advance: connections.age, dispose: async () => connections.close() };
  });
  ratesContract('Redis', async () => {
    const connections = createConnections(server);
    return { rates: createRedisRates(await connections.connect()), dispose: async () => connections.close() };
  });
  test('other processes are told which task has changed, and after a gap that any may have', async () => {
    const connections = createConnections(server);
    const here = createRedisNotifications(await connections.connect());
    const there = createRedisNotifications(await connections.connect());
    const heard: { readonly here: (string | null)[]; readonly there: (string | null)[] } = { here: [], there: [] };
    here.subscribe((taskId) => heard.here.push(taskId));
    const stop = there.subscribe((taskId) => heard.there.push(taskId));
    await until('both subscriptions', () => heard.here.length === 1 && heard.there.length === 1);
    here.publish('t1');
    there.publish('t2');
    await until('both changes', () => heard.here.length === 2 && heard.there.length === 2);
    expect(heard).toEqual({ here: [null, 't2'], there: [null, 't1'] });

    await server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until('both subscriptions anew', () => heard.here.length === 3 && heard.there.length === 3);
    stop();
    here.publish('t3');
    there.publish('t4');
    await until('the change', () => heard.here.length === 4);
    expect(heard).toEqual({ here: [null, 't2', null, 't4'], there: [null, 't1', null] });
    connections.close();
  });

  test('two processes share a limit, and neither gets more of a minute than is left', async () => {
    const connections = createConnections(server);
    const limits = [createRedisRates(await connections.connect()), createRedisRates(await connections.connect())].map((rates) =>
      rates.limit('requests', 100),
    );
    const taken = await Promise.all(Array.from({ length: 300 }, (_, n) => limits[n % 2]?.take('ada')));
    expect(taken.filter((one) => one?.granted)).toHaveLength(100);
    connections.close();
  });

  test('two processes share a lock', async () => {
    const connections = createConnections(server);
    const [here, there] = [createRedisLocks(await connections.connect()), createRedisLocks(await connections.connect())];
    const token = await here.lock('a', 10_000);
    expect(await there.lock('a', 10_000)).toBeNull();
    expect(await there.release('a', token ?? '')).toBe(true);
    expect(await here.lock('a', 10_000)).not.toBeNull();
    connections.close();
  });

  test('every key and channel carries the prefix', async () => {
    const connections = createConnections(server);
    const connection = await connections.connect();
    await createRedisStatusCache(connection).put('t1', { owner: 'ada', version: 1, json: '{}', freshUntil: Date.now() + 60_000 });
    await createRedisLocks(connection).lock('a', 10_000);
    await createRedisRates(connection).limit('requests', 10).take('ada');
    const keys = await server.admin.keys('*');
    expect(
      keys
        .filter((key) => key.startsWith(connections.prefix))
        .map((key) => key.slice(connections.prefix.length))
        .sort(),
    ).toEqual(['lock:a', 'rate:requests:ada', 'task:t1']);
    expect(keys.filter((key) => !key.startsWith('test-'))).toEqual([]);
    connections.close();
  });
});

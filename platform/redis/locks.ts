import { randomUUID } from 'node:crypto';
import type { Locks } from '../../tasks/ports/locks.ts';
import { createProcessLocks } from '../process/locks.ts';
import type { RedisConnection } from './connection.ts';

const RENEW = `if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('pexpire', KEYS[1], ARGV[2])`;

const RELEASE = `if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('del', KEYS[1])`;

/** Shared by all processes; while Redis is away, each one grants leases of its own. */
export const createRedisLocks = ({ client, attempt }: RedisConnection): Locks => {
  const own = createProcessLocks();
  const keyOf = (name: string) => `lock:${name}`;
  const isDone = (script: string, name: string, ...args: readonly (string | number)[]): Promise<boolean> =>
    attempt(
      async () => (await client.eval(script, 1, keyOf(name), ...args)) === 1,
      () => false,
    );
  return {
    lock: (name, leaseMs) =>
      attempt(
        async () => {
          const token = randomUUID();
          return (await client.set(keyOf(name), token, 'PX', leaseMs, 'NX')) === null ? null : token;
        },
        () => own.lock(name, leaseMs),
      ),
    renew: async (name, token, leaseMs) => (await own.renew(name, token, leaseMs)) || isDone(RENEW, name, token, leaseMs),
    release: async (name, token) => (await own.release(name, token)) || isDone(RELEASE, name, token),
  };
};

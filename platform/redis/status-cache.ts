import { type CachedTask, KEPT_OUT_MS, type StatusCache } from '../../tasks/ports/status-cache.ts';
import type { RedisConnection } from './connection.ts';

/** The version in front of what stands under the key; -1 where nothing does. */
const KNOWN = `local known = tonumber(string.match(redis.call('getrange', KEYS[1], 0, 19), '^%d+') or '-1')`;

const PUT = `${KNOWN}
if known <= tonumber(ARGV[1]) then redis.call('set', KEYS[1], ARGV[2], 'px', ARGV[3]) end`;

/** Deletes first, so that a full server takes the few bytes that keep lower versions out. */
const DROP_BELOW = `${KNOWN}
if known >= tonumber(ARGV[1]) then return end
redis.call('del', KEYS[1])
redis.call('set', KEYS[1], ARGV[2], 'px', ARGV[3])`;

/** `<version> <fresh until> <owner>`, a line break, and the task; the owner is empty where lower versions are only kept out. */
const encode = ({ owner, version, json, freshUntil }: CachedTask): string =>
  `${version} ${freshUntil} ${encodeURIComponent(owner)}\n${json}`;

/** What stands under a task's key, by what `get` of Redis gives; null where that shows no task. */
export const decodeCachedTask = (text: string): CachedTask | null => {
  const end = text.indexOf('\n');
  const [version, freshUntil, owner] = text.slice(0, end).split(' ');
  if (owner === undefined || owner === '') return null;
  return { version: Number(version), freshUntil: Number(freshUntil), owner: decodeURIComponent(owner), json: text.slice(end + 1) };
};

export const cachedTaskKey = (taskId: string): string => `task:${taskId}`;

/** Shared by all processes; each task is one key. */
export const createRedisStatusCache = (connection: RedisConnection, now: () => number = Date.now): StatusCache => {
  const { client, attempt } = connection;
  const drop = (taskId: string, version: number): Promise<boolean> =>
    attempt(
      async () => {
        await client.eval(DROP_BELOW, 1, cachedTaskKey(taskId), version, `${version} 0 \n`, KEPT_OUT_MS);
        return true;
      },
      () => false,
    );
  return {
    get: async (taskId) => {
      const text = await attempt(
        () => client.get(cachedTaskKey(taskId)),
        () => null,
      );
      const entry = text === null ? null : decodeCachedTask(text);
      // A server that hung may have taken the entry long after it was sent.
      return entry !== null && entry.freshUntil > now() ? entry : null;
    },
    put: async (taskId, entry) => {
      const leftMs = entry.freshUntil - now();
      if (leftMs <= 0) return;
      await attempt(
        () => client.eval(PUT, 1, cachedTaskKey(taskId), entry.version, encode(entry), leftMs),
        () => undefined,
      );
    },
    outdate: drop,
    remove: async (taskId) => void (await drop(taskId, Number.MAX_SAFE_INTEGER)),
  };
};

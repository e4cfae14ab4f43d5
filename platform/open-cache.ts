import type { Locks } from '../tasks/ports/locks.ts';
import type { Rates } from '../tasks/ports/rates.ts';
import type { StatusCache } from '../tasks/ports/status-cache.ts';
import { createProcessLocks } from './process/locks.ts';
import { createProcessRates } from './process/rates.ts';
import type { RedisLog } from './redis/breaker.ts';
import { connectRedis } from './redis/connection.ts';
import { createRedisLocks } from './redis/locks.ts';
import { createRedisNotifications } from './redis/notifications.ts';
import { createRedisRates } from './redis/rates.ts';
import { createRedisStatusCache } from './redis/status-cache.ts';
import { type Settings, SettingsError } from './settings.ts';
import type { ChangeNotifications } from './store/change-feed.ts';

/** What makes a station quicker and lets its processes hear of each other. Nothing is kept only here. */
export interface Cache {
  /** Null where the processes share none: one that doesn't hear of the others' writes would show what is past. */
  readonly statusCache: StatusCache | null;
  /** Undefined where each process finds the changes of others by its poll of the store. */
  readonly notifications: ChangeNotifications | undefined;
  readonly rates: Rates;
  readonly locks: Locks;
  close(): void;
}

type CacheSettings = Pick<Settings, 'CODEBAY_CACHE' | 'CODEBAY_REDIS_URL' | 'CODEBAY_REDIS_PREFIX' | 'CODEBAY_REDIS_TIMEOUT_MS'>;

/** Opens the cache that the settings name. A Redis that is away is waited for no longer than a second, and joins in once it is there. */
export const openCache = async (settings: CacheSettings, log: RedisLog): Promise<Cache> => {
  if (settings.CODEBAY_CACHE === 'process') {
    return {
      statusCache: null,
      notifications: undefined,
      rates: createProcessRates(),
      locks: createProcessLocks(),
      close: () => undefined,
    };
  }
  if (settings.CODEBAY_REDIS_URL === undefined) throw new SettingsError('CODEBAY_REDIS_URL: is needed by CODEBAY_CACHE=redis');
  const connection = await connectRedis({
    url: settings.CODEBAY_REDIS_URL,
    prefix: settings.CODEBAY_REDIS_PREFIX,
    commandMs: settings.CODEBAY_REDIS_TIMEOUT_MS,
    log,
  });
  return {
    statusCache: createRedisStatusCache(connection),
    notifications: createRedisNotifications(connection),
    rates: createRedisRates(connection),
    locks: createRedisLocks(connection),
    close: connection.close,
  };
};

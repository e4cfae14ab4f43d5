import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import type { Rates, Taken } from '../../tasks/ports/rates.ts';
import { consume } from '../rate-consumption.ts';
import type { RedisConnection } from './connection.ts';

/** A process takes this part of a minute at once and spends it by itself, so that most requests cost no round trip. */
const SHARES = 50;
const KEPT_KEYS = 1000;

interface Holding {
  left: number;
  /** Nothing was left to take. */
  readonly refused: boolean;
  /** The end of the minute: what is left lapses, and what was refused may be asked for again. */
  readonly until: number;
}

/** Shared by all processes; each keeps a limit of its own while Redis is away. */
export const createRedisRates = ({ client, attempt }: RedisConnection, now: () => number = Date.now): Rates => ({
  limit: (name, perMinute) => {
    const options = { keyPrefix: `rate:${name}`, points: perMinute, duration: 60 };
    const shared = new RateLimiterRedis({ ...options, storeClient: client });
    const own = new RateLimiterMemory(options);
    const share = Math.max(1, Math.floor(perMinute / SHARES));
    const holdings = new Map<string, Holding>();
    const refills = new Map<string, Promise<void>>();

    const forgetLapsed = (): void => {
      for (const [key, { until }] of holdings) if (until <= now()) holdings.delete(key);
    };
    const refill = async (key: string): Promise<void> => {
      const { granted, windowMs } = await attempt(
        () => consume(shared, key, share),
        () => consume(own, key, share),
      );
      if (holdings.size >= KEPT_KEYS) forgetLapsed();
      holdings.set(key, { left: granted, refused: granted === 0, until: now() + windowMs });
    };
    const refillOnce = (key: string): Promise<void> => {
      const underWay = refills.get(key) ?? refill(key).finally(() => refills.delete(key));
      refills.set(key, underWay);
      return underWay;
    };
    const spend = (key: string): Taken | null => {
      const holding = holdings.get(key);
      if (holding === undefined || holding.until <= now()) return null;
      if (holding.refused) return { granted: false, retryAfterMs: holding.until - now() };
      if (holding.left === 0) return null;
      holding.left -= 1;
      return { granted: true };
    };
    return {
      take: async (key) => {
        for (;;) {
          const spent = spend(key);
          if (spent !== null) return spent;
          await refillOnce(key);
        }
      },
    };
  },
});

import type { Rates } from '../../tasks/ports/rates.ts';
import { GatewayError } from './gateway-error.ts';

export interface Rate {
  /** Takes `amount` for `key`, or throws 429 with the time after which it fits. An amount over the whole bucket waits for a full one. */
  take(key: string, amount?: number): void;
}

/** A token bucket for each key, full at first, refilled evenly; a minute's worth may be spent at once. */
export const createRate = (what: string, perMinute: number, now: () => number): Rate => {
  const perMs = perMinute / 60_000;
  const buckets = new Map<string, { left: number; at: number }>();
  const prune = (time: number) => {
    for (const [key, bucket] of buckets) if (time - bucket.at > 60_000) buckets.delete(key);
  };
  return {
    take: (key, amount = 1) => {
      const time = now();
      if (buckets.size > 1000) prune(time);
      const bucket = buckets.get(key) ?? { left: perMinute, at: time };
      bucket.left = Math.min(perMinute, bucket.left + (time - bucket.at) * perMs);
      bucket.at = time;
      buckets.set(key, bucket);
      const needed = Math.min(amount, perMinute);
      if (bucket.left < needed) {
        const retryAfterSeconds = Math.max(1, Math.ceil((needed - bucket.left) / perMs / 1000));
        throw new GatewayError(429, 'RATE_LIMITED', `too many ${what}`, { retryAfterSeconds });
      }
      bucket.left -= needed;
    },
  };
};

/** The same over all gateways: `take` waits for their answer. */
export const createSharedRate = (rates: Rates, what: string, perMinute: number, code: string) => {
  const limit = rates.limit(what, perMinute);
  return {
    take: async (key: string): Promise<void> => {
      const taken = await limit.take(key);
      if (taken.granted) return;
      throw new GatewayError(429, code, `too many ${what}`, { retryAfterSeconds: Math.max(1, Math.ceil(taken.retryAfterMs / 1000)) });
    },
  };
};
export type SharedRate = ReturnType<typeof createSharedRate>;

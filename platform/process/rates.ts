import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Rates } from '../../tasks/ports/rates.ts';
import { consume } from '../rate-consumption.ts';

/** Within one process. */
export const createProcessRates = (): Rates => ({
  limit: (name, perMinute) => {
    const limiter = new RateLimiterMemory({ keyPrefix: name, points: perMinute, duration: 60 });
    return {
      take: async (key) => {
        const { granted, windowMs } = await consume(limiter, key, 1);
        return granted === 1 ? { granted: true } : { granted: false, retryAfterMs: windowMs };
      },
    };
  },
});

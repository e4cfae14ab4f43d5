import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';

export interface Consumption {
  /** How many of those asked for were still there. */
  readonly granted: number;
  /** How long the key's minute still lasts. */
  readonly windowMs: number;
}

/** Takes up to `amount` of the key's minute. The library rejects with its result where not all were there; all else is thrown on. */
export const consume = async (limiter: RateLimiterAbstract, key: string, amount: number): Promise<Consumption> => {
  const result = await limiter.consume(key, amount).catch((refusal: unknown) => {
    if (refusal instanceof RateLimiterRes) return refusal;
    throw refusal;
  });
  const left = limiter.points - (result.consumedPoints - amount);
  return { granted: Math.min(amount, Math.max(0, left)), windowMs: Math.max(1, result.msBeforeNext) };
};

import type { Rates } from '../tasks/ports/rates.ts';
import { ApiProblem } from './problem.ts';

/** Takes one of the owner's minute, or throws with the time after which there is one again. 0 is no limit. */
export const ownerRateCheck = (
  rates: Rates,
  what: string,
  perMinute: number,
  code: 'TOO_MANY_REQUESTS' | 'TOO_MANY_SUBMISSIONS',
): ((owner: string) => Promise<void>) => {
  if (perMinute === 0) return async () => undefined;
  const limit = rates.limit(what, perMinute);
  return async (owner) => {
    const taken = await limit.take(owner);
    if (!taken.granted) throw new ApiProblem(code, `You may send ${perMinute} ${what} a minute.`, { retryAfterMs: taken.retryAfterMs });
  };
};

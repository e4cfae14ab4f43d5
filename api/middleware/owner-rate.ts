import type { MiddlewareHandler } from 'hono';
import type { Rates } from '../../tasks/ports/rates.ts';
import type { OwnerLimits } from '../deps.ts';
import type { ApiEnvironment } from '../environment.ts';
import { ownerRateCheck } from '../owner-rate-check.ts';

/** Counts the requests of an owner, whichever of the keys they come with. After `auth`. */
export const ownerRate = (rates: Rates, { requestsPerMinute }: OwnerLimits): MiddlewareHandler<ApiEnvironment> => {
  const check = ownerRateCheck(rates, 'requests', requestsPerMinute, 'TOO_MANY_REQUESTS');
  return async (c, next) => {
    await check(c.get('owner'));
    return next();
  };
};

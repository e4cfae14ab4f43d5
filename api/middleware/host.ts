import type { MiddlewareHandler } from 'hono';
import type { ApiEnvironment } from '../environment.ts';
import { ApiProblem } from '../problem.ts';

/**
 * Refuses requests made to a name that isn't this station's: a web page that lets its own name point at loopback (DNS rebinding)
 * would otherwise be read by the browser as the same origin.
 */
export const host =
  (hostnames: readonly string[] | null): MiddlewareHandler<ApiEnvironment> =>
  (c, next) => {
    if (hostnames === null) return next();
    const name = (c.req.header('host') ?? new URL(c.req.url).host).replace(/:[0-9]+$/, '').toLowerCase();
    if (!hostnames.includes(name)) throw new ApiProblem('HOST_REFUSED', 'The Host header names another host.');
    return next();
  };

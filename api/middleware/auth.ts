import type { MiddlewareHandler } from 'hono';
import type { ApiKeys } from '../../tasks/ports/access.ts';
import type { ApiEnvironment } from '../environment.ts';
import { ApiProblem } from '../problem.ts';

/** Turns the bearer API key into the owner whose tasks the request may see. */
export const auth =
  (verify: ApiKeys['verify']): MiddlewareHandler<ApiEnvironment> =>
  async (c, next) => {
    const key = /^Bearer +([\x21-\x7e]{1,256})$/i.exec(c.req.header('authorization') ?? '')?.[1];
    const owner = key === undefined ? null : await verify(key);
    if (owner === null) throw new ApiProblem('UNAUTHENTICATED', 'The request carries no API key that this station knows.');
    c.set('owner', owner);
    return next();
  };

import { randomUUID } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { ApiEnvironment } from '../environment.ts';

const ACCEPTED = /^[A-Za-z0-9_-]{8,64}$/;

/** Takes over the caller's `X-Request-Id` where it is harmless, and always answers with one. */
export const requestId = (): MiddlewareHandler<ApiEnvironment> => (c, next) => {
  const given = c.req.header('x-request-id');
  const id = given !== undefined && ACCEPTED.test(given) ? given : randomUUID();
  c.set('requestId', id);
  c.header('x-request-id', id);
  return next();
};

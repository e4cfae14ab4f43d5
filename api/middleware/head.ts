import type { MiddlewareHandler } from 'hono';
import type { ApiEnvironment } from '../environment.ts';

/** Hono answers HEAD with the headers of GET and forgets the body, which may hold an open file. */
export const head = (): MiddlewareHandler<ApiEnvironment> => async (c, next) => {
  await next();
  if (c.req.method === 'HEAD') await c.res.body?.cancel();
};

import type { MiddlewareHandler } from 'hono';
import type { ApiEnvironment } from '../environment.ts';

/** Hono answers HEAD with the headers of GET and forgets the body, which may hold an open file. */
export const head = (): MiddlewareHandler<ApiEnvironment> => (c, next) =>
  c.req.method === 'HEAD' ? next().then(() => c.res.body?.cancel()) : next();

import type { MiddlewareHandler } from 'hono';
import type { ApiEnvironment } from '../environment.ts';

/** Nothing here is a page but /docs, which sets its own policy. No CORS: other origins get no answer. */
export const securityHeaders = (): MiddlewareHandler<ApiEnvironment> => async (c, next) => {
  await next();
  const { headers } = c.res;
  headers.set('x-content-type-options', 'nosniff');
  headers.set('referrer-policy', 'no-referrer');
  headers.set('x-frame-options', 'DENY');
  headers.set('cross-origin-resource-policy', 'same-origin');
  if (!headers.has('content-security-policy')) headers.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
};

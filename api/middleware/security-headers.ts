import type { MiddlewareHandler } from 'hono';
import type { ApiEnvironment } from '../environment.ts';

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
};

/**
 * Nothing here is a page but /docs, which sets its own policy. No CORS: other origins get no answer. Set before the handler, which may
 * override them: touching a finished response would cost it the listener's quick way out.
 */
export const securityHeaders = (): MiddlewareHandler<ApiEnvironment> => (c, next) => {
  for (const [name, value] of Object.entries(HEADERS)) c.header(name, value);
  return next();
};

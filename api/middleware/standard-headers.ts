import { randomUUID } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import type { ApiEnvironment } from '../environment.ts';

const ACCEPTED_ID = /^[A-Za-z0-9_-]{8,64}$/;

/** Nothing here is a page but /docs, which sets its own policy. No CORS: other origins get no answer. */
const SECURITY = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
};

const headersOf = (c: Context<ApiEnvironment>) => ({ ...SECURITY, 'x-request-id': c.get('requestId') });

/**
 * Gives every answer, errors too, a request id and the security headers, but for those that the route has set otherwise.
 * Takes over the caller's `X-Request-Id` where it is harmless.
 */
export const standardHeaders = (): MiddlewareHandler<ApiEnvironment> => async (c, next) => {
  const given = c.req.header('x-request-id');
  c.set('requestId', given !== undefined && ACCEPTED_ID.test(given) ? given : randomUUID());
  await next();
  if (c.res === c.get('complete')) return;
  const { headers } = c.res;
  for (const [name, value] of Object.entries(headersOf(c))) if (!headers.has(name)) headers.set(name, value);
};

/**
 * JSON with the standard headers in it from the start. The listener writes such an answer as it is; building a `Headers` object
 * first, as `c.header` and `c.json` do, costs as much as reading the task.
 */
export const completeJson = (c: Context<ApiEnvironment>, json: string): Response => {
  const response = new Response(json, { headers: { ...headersOf(c), 'content-type': 'application/json' } });
  c.set('complete', response);
  return response;
};

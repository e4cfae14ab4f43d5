import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import type { Log } from '../deps.ts';
import type { ApiEnvironment } from '../environment.ts';
import type { Metrics } from '../metrics.ts';

/** One line and one observation a request. Query strings stay out of the log: presigned links carry their signature there. */
export const accessLog =
  (log: Log, metrics: Metrics): MiddlewareHandler<ApiEnvironment> =>
  async (c, next) => {
    const begun = performance.now();
    await next();
    const seconds = (performance.now() - begun) / 1000;
    const { method, path } = c.req;
    const { status } = c.res;
    metrics.observeRequest({ method, route: status === 404 ? 'none' : routePath(c, -1), status, seconds });
    log.info({ request_id: c.get('requestId'), method, path, status, ms: Math.round(seconds * 1000), owner: c.get('owner') }, 'request');
  };

import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { answersInTime } from '../../tasks/answers-in-time.ts';
import { uploadKey } from '../../tasks/object-keys.ts';
import type { ApiDeps } from '../deps.ts';
import type { ApiEnvironment } from '../environment.ts';
import { json } from '../openapi/responses.ts';

const CHECK_MS = 1000;
const PARTS = ['store', 'objects', 'engine', 'drain'] as const;
/** An id that no task gets. */
const PROBE_ID = 'readiness-probe';

const readySchema = z.object({
  status: z.enum(['ready', 'unavailable']),
  /** What fails without keeping the API from its work: tasks are accepted, and started when the engine is back. */
  degraded: z.array(z.enum(PARTS)),
  failing: z.array(z.enum(PARTS)),
});

const liveRoute = createRoute({
  method: 'get',
  path: '/livez',
  summary: 'Whether the process answers',
  responses: { 200: json(z.object({ status: z.literal('live') }), 'It does') },
});

const readyRoute = createRoute({
  method: 'get',
  path: '/readyz',
  summary: 'Whether requests can be served',
  responses: { 200: json(readySchema, 'They can'), 503: json(readySchema, 'They cannot, for now') },
});

export const healthRoutes = (app: OpenAPIHono<ApiEnvironment>, { stores, objects, engine, stopping }: ApiDeps): void => {
  app.openapi(liveRoute, (c) => c.json({ status: 'live' as const }, 200));
  app.openapi(readyRoute, async (c) => {
    const [store, objectsUp, engineUp] = await Promise.all([
      answersInTime(stores.tasks.get(PROBE_ID), CHECK_MS),
      answersInTime(objects.stat(uploadKey(PROBE_ID)), CHECK_MS),
      answersInTime(engine.describe(PROBE_ID), CHECK_MS),
    ]);
    const failing = [...(store ? [] : ['store' as const]), ...(stopping.aborted ? ['drain' as const] : [])];
    const degraded = [...(objectsUp ? [] : ['objects' as const]), ...(engineUp ? [] : ['engine' as const])];
    if (failing.length > 0) return c.json({ status: 'unavailable' as const, degraded, failing }, 503);
    return c.json({ status: 'ready' as const, degraded, failing }, 200);
  });
};

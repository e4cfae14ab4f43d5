import { Hono } from 'hono';
import { answersInTime } from '../../tasks/answers-in-time.ts';
import type { TaskStore } from '../../tasks/ports/task-store.ts';

const CHECK_MS = 1000;
/** An id that no task gets. */
const PROBE_ID = 'readiness-probe';

/** `/livez` and `/readyz` for whoever keeps the gateways running; they name no task and need no identity. */
export const createHealthRoutes = ({ tasks, stopping }: { readonly tasks: TaskStore; readonly stopping?: AbortSignal | undefined }): Hono =>
  new Hono()
    .get('/livez', (c) => c.json({ status: 'live' }))
    .get('/readyz', async (c) => {
      const store = await answersInTime(tasks.get(PROBE_ID), CHECK_MS);
      const failing = [...(store ? [] : ['store']), ...(stopping?.aborted ? ['drain'] : [])];
      return failing.length === 0 ? c.json({ status: 'ready', failing }) : c.json({ status: 'unavailable', failing }, 503);
    });

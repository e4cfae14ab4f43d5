import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import { eventPageSchema } from '../../tasks/event-view.ts';
import { isTerminal } from '../../tasks/status.ts';
import type { TaskRecord } from '../../tasks/task.ts';
import type { ApiDeps } from '../deps.ts';
import type { ApiEnvironment } from '../environment.ts';
import { bodyOf } from '../events/body.ts';
import { isLastEvent, showEvent } from '../events/show-event.ts';
import { streamEvents } from '../events/stream.ts';
import type { Metrics } from '../metrics.ts';
import { json, problems, taskIdParams } from '../openapi/responses.ts';
import { ownedTask } from '../owned-task.ts';
import { ApiProblem } from '../problem.ts';

const HEARTBEAT_MS = 15_000;
/** How long after the terminal write its event may still be on its way. */
const LAST_EVENT_GRACE_MS = 5000;
const PAGE_LIMIT = 500;

const query = z.object({
  after: z.coerce.number().int().min(0).optional().openapi({ description: 'Only events with a higher number.' }),
  limit: z.coerce.number().int().min(1).max(PAGE_LIMIT).default(100).openapi({ description: 'Of a page; streams have none.' }),
});

const route = createRoute({
  method: 'get',
  path: '/v1/tasks/{id}/events',
  summary: 'Events as a page, or as server-sent events by `Accept: text/event-stream`',
  description:
    'The id of a server-sent event is its number, so that `Last-Event-ID` resumes without gap or repeat. The stream closes after the terminal event; 204 says that nothing more will come.',
  request: { params: taskIdParams, query },
  responses: {
    200: json(eventPageSchema, 'A page of events'),
    204: { description: 'The stream has ended for good' },
    ...problems(400, 404, 410),
  },
});

async function* counted(frames: AsyncGenerator<string, void, void>, metrics: Metrics): AsyncGenerator<string, void, void> {
  metrics.streamOpened();
  try {
    yield* frames;
  } finally {
    metrics.streamClosed();
  }
}

export const eventRoutes = (app: OpenAPIHono<ApiEnvironment>, { stores, options, metrics, stopping, now = Date.now }: ApiDeps): void => {
  const isOver = (task: TaskRecord | null): boolean =>
    task === null || (isTerminal(task.status) && now() - (task.finished_at ?? 0) > LAST_EVENT_GRACE_MS);

  /** A client that has the terminal event, such as a browser that asks again when the stream closes, has it all. */
  const hasAll = async (task: TaskRecord, after: number): Promise<boolean> =>
    isOver(task) || (after > 0 && isTerminal(task.status) && (await stores.events.read(task.id, after - 1, 1)).events.some(isLastEvent));

  const stream = (c: Context<ApiEnvironment>, taskId: string, after: number): Response => {
    const stop = new AbortController();
    const frames = streamEvents({
      events: stores.events,
      taskId,
      after,
      heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
      mayGoOn: async () => !isOver(await stores.tasks.get(taskId)),
      signal: AbortSignal.any([c.req.raw.signal, stopping, stop.signal]),
    });
    return c.body(bodyOf(counted(frames, metrics), stop), 200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
  };

  app.openapi(route, async (c) => {
    const task = await ownedTask(c, stores.tasks);
    const { after: given, limit } = c.req.valid('query');
    const wantsStream =
      accepts(c, { header: 'Accept', supports: ['application/json', 'text/event-stream'], default: 'application/json' }) ===
      'text/event-stream';
    const resumed = /^[0-9]{1,15}$/.exec(c.req.header('last-event-id') ?? '')?.[0];
    const after = wantsStream && resumed !== undefined ? Number(resumed) : (given ?? 0);
    const page = await stores.events.read(task.id, after, limit);
    if (page.expiredThrough > after) {
      throw new ApiProblem('EVENTS_EXPIRED', `Events up to ${page.expiredThrough} are gone; ask with after=${page.expiredThrough}.`);
    }
    if (wantsStream) {
      if (page.events.length === 0 && (await hasAll(task, after))) return c.body(null, 204);
      return stream(c, task.id, after);
    }
    const finished = page.events.some(isLastEvent) || (page.events.length === 0 && (await hasAll(task, after)));
    return c.json({ data: page.events.map(showEvent), next_after: page.events.at(-1)?.seq ?? after, finished }, 200);
  });
};

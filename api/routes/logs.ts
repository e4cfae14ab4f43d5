import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { LOG_STREAMS } from '../../tasks/events.ts';
import type { ApiDeps } from '../deps.ts';
import type { ApiEnvironment } from '../environment.ts';
import { lastLines, readLog } from '../log-text.ts';
import { problems, taskIdParams, text } from '../openapi/responses.ts';
import { ownedTask } from '../owned-task.ts';

const query = z.object({
  tail: z.coerce.number().int().min(1).max(10_000).optional().openapi({ description: 'Only the last lines.' }),
  stream: z.enum(LOG_STREAMS).optional().openapi({ description: 'Only what one part printed.' }),
});

const route = createRoute({
  method: 'get',
  path: '/v1/tasks/{id}/logs',
  summary: 'The output so far, as text',
  request: { params: taskIdParams, query },
  responses: { 200: text('text/plain', 'The log'), ...problems(400, 404) },
});

export const logRoutes = (app: OpenAPIHono<ApiEnvironment>, { stores }: ApiDeps): void => {
  app.openapi(route, async (c) => {
    const task = await ownedTask(c, stores.tasks);
    const { tail, stream } = c.req.valid('query');
    const log = readLog(stores.events, task.id, stream);
    if (tail !== undefined) return c.text(await lastLines(log, tail), 200);
    const body = ReadableStream.from(log).pipeThrough(new TextEncoderStream());
    return c.body(body, 200, { 'content-type': 'text/plain; charset=utf-8' });
  });
};

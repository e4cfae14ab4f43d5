import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { STATUSES } from '../../tasks/status.ts';
import { taskPageSchema, taskViewSchema } from '../../tasks/task-view.ts';
import type { ApiDeps } from '../deps.ts';
import type { ApiEnvironment } from '../environment.ts';
import { completeJson } from '../middleware/standard-headers.ts';
import { json, problems, taskIdParams } from '../openapi/responses.ts';
import { noSuchTask } from '../owned-task.ts';
import { createSharedView } from '../shared-view.ts';
import { showSummary } from '../show-task.ts';
import { createTaskView } from '../task-view.ts';

const query = z.object({
  status: z.enum(STATUSES).optional(),
  repo: z.string().max(2048).optional().openapi({ description: 'Host and path without `.git`, or `zip`.' }),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().max(512).optional(),
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/tasks',
  summary: 'List tasks, newest first',
  request: { query },
  responses: { 200: json(taskPageSchema, 'A page of tasks'), ...problems(400) },
});

const showRoute = createRoute({
  method: 'get',
  path: '/v1/tasks/{id}',
  summary: 'Show a task',
  request: { params: taskIdParams },
  responses: { 200: json(taskViewSchema, 'The task'), ...problems(404) },
});

export const taskRoutes = (app: OpenAPIHono<ApiEnvironment>, { stores, statusCache, now = Date.now }: ApiDeps): void => {
  const view = createTaskView(stores, now);
  const viewOf = statusCache === null ? view : createSharedView(statusCache, view, now);
  app.openapi(listRoute, async (c) => {
    const { tasks, nextCursor } = await stores.tasks.list({ owner: c.get('owner'), ...c.req.valid('query') });
    return c.json({ data: tasks.map(showSummary), next_cursor: nextCursor }, 200);
  });
  // Polled more than all else together: nothing is parsed here, an id that can't be is found nowhere.
  app.openAPIRegistry.registerPath(showRoute);
  app.get('/v1/tasks/:id', async (c) => {
    const view = await viewOf(c.req.param('id'), c.get('owner'));
    if (view === null) throw noSuchTask();
    return completeJson(c, view.json);
  });
};

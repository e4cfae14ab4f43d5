import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { createEraseTask } from '../../tasks/erase-task.ts';
import type { ApiDeps } from '../deps.ts';
import type { ApiEnvironment } from '../environment.ts';
import { problems, taskIdParams } from '../openapi/responses.ts';
import { ownedTask } from '../owned-task.ts';
import { ApiProblem } from '../problem.ts';

const route = createRoute({
  method: 'delete',
  path: '/v1/tasks/{id}',
  summary: 'Erase a finished task, its objects and its history',
  request: { params: taskIdParams },
  responses: { 204: { description: 'Erased; the id is never used again' }, ...problems(404, 409) },
});

export const eraseRoutes = (app: OpenAPIHono<ApiEnvironment>, { stores, objects, engine }: ApiDeps): void => {
  const eraseTask = createEraseTask({ ...stores, objects, engine });
  app.openapi(route, async (c) => {
    const { id, status } = await ownedTask(c, stores.tasks);
    switch (await eraseTask(id)) {
      case 'erased':
        return c.body(null, 204);
      case 'unfinished':
        throw new ApiProblem('TASK_NOT_FINISHED', `The task is ${status}.`);
      case 'closing':
        throw new ApiProblem('TASK_NOT_FINISHED', 'The workflow of the task is still cleaning up.', { retryAfterMs: 1000 });
    }
  });
};

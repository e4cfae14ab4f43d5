import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import type { TaskRecord } from '../../tasks/task.ts';
import { taskViewSchema } from '../../tasks/task-view.ts';
import type { ApiDeps } from '../deps.ts';
import type { ApiEnvironment } from '../environment.ts';
import { json, problems, taskIdParams } from '../openapi/responses.ts';
import { ownedTask } from '../owned-task.ts';
import { ApiProblem } from '../problem.ts';
import { readDetails, showTask } from '../show-task.ts';

const route = createRoute({
  method: 'post',
  path: '/v1/tasks/{id}/cancel',
  summary: 'Cancel a task',
  request: { params: taskIdParams },
  responses: {
    200: json(taskViewSchema, 'It is cancelled'),
    202: json(taskViewSchema, 'It will be cancelled; the work so far is kept'),
    ...problems(404, 409),
  },
});

const isCancelled = (task: TaskRecord): boolean => {
  if (task.status !== 'COMPLETED' && task.status !== 'FAILED') return task.status === 'CANCELLED';
  throw new ApiProblem('TASK_FINISHED', `The task has ended as ${task.status}.`);
};

export const cancelRoutes = (app: OpenAPIHono<ApiEnvironment>, { stores, starter }: ApiDeps): void => {
  app.openapi(route, async (c) => {
    const task = await ownedTask(c, stores.tasks);
    if (isCancelled(task)) return c.json(showTask(task, await readDetails(stores, task.id)), 200);
    const after = await starter.cancel(task.id);
    if (after === null) throw new ApiProblem('NOT_FOUND', 'The task was erased.');
    return c.json(showTask(after, await readDetails(stores, after.id)), isCancelled(after) ? 200 : 202);
  });
};

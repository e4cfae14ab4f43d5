import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { artifactPrefix, codePrefix, runPrefix, turnPrefix, uploadPrefix } from '../../tasks/object-keys.ts';
import { isTerminal } from '../../tasks/status.ts';
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
  app.openapi(route, async (c) => {
    const { id, status } = await ownedTask(c, stores.tasks);
    if (!isTerminal(status)) throw new ApiProblem('TASK_NOT_FINISHED', `The task is ${status}.`);
    if ((await engine.describe(id)) === 'running') {
      throw new ApiProblem('TASK_NOT_FINISHED', 'The workflow of the task is still cleaning up.', { retryAfterMs: 1000 });
    }
    const runs = await stores.runs.list(id);
    const prefixes = [uploadPrefix(id), codePrefix(id), turnPrefix(id), artifactPrefix(id), ...runs.map((run) => runPrefix(run.id))];
    for (const prefix of prefixes) await objects.deletePrefix(prefix);
    await engine.erase(id);
    // Last, because it forgets the runs: an erasure that was cut off before it is simply asked for again.
    await stores.tasks.erase(id);
    return c.body(null, 204);
  });
};

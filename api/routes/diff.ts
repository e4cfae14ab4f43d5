import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { accepts } from 'hono/accepts';
import { ARTIFACTS } from '../../tasks/artifacts.ts';
import { diffSummarySchema } from '../../tasks/diff-summary.ts';
import { artifactKey } from '../../tasks/object-keys.ts';
import { artifactOf } from '../artifact-of.ts';
import type { ApiDeps } from '../deps.ts';
import { linesOf } from '../diff/lines.ts';
import { summariseDiff } from '../diff/summarise.ts';
import { download } from '../download.ts';
import type { ApiEnvironment } from '../environment.ts';
import { problems, taskIdParams } from '../openapi/responses.ts';
import { ownedTask } from '../owned-task.ts';
import { ApiProblem } from '../problem.ts';

const route = createRoute({
  method: 'get',
  path: '/v1/tasks/{id}/diff',
  summary: 'The patch, or its files and stats by `Accept: application/json`',
  request: { params: taskIdParams },
  responses: {
    200: {
      description: 'The patch',
      content: { 'text/x-diff': { schema: z.string() }, 'application/json': { schema: diffSummarySchema } },
    },
    ...problems(404),
  },
});

export const diffRoutes = (app: OpenAPIHono<ApiEnvironment>, { stores, objects }: ApiDeps): void => {
  app.openapi(route, async (c) => {
    const task = await ownedTask(c, stores.tasks);
    const { name } = artifactOf(task, 'diff.patch');
    const object = await objects.get(artifactKey(task.id, name), { signal: c.req.raw.signal });
    if (object === null) throw new ApiProblem('NOT_FOUND', 'The object of the patch is gone.');
    const type = accepts(c, { header: 'Accept', supports: ['text/x-diff', 'application/json'], default: 'text/x-diff' });
    if (type === 'application/json') return c.json(await summariseDiff(linesOf(object.body)), 200);
    return download(c, { ...object, contentType: ARTIFACTS[name], filename: `${task.id}.patch` });
  });
};

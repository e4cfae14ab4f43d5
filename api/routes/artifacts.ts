import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { ARTIFACTS } from '../../tasks/artifacts.ts';
import { artifactKey } from '../../tasks/object-keys.ts';
import { artifactListSchema } from '../../tasks/task-view.ts';
import { artifactOf } from '../artifact-of.ts';
import type { ApiDeps } from '../deps.ts';
import { download } from '../download.ts';
import type { ApiEnvironment } from '../environment.ts';
import { json, problems, taskIdParams, text } from '../openapi/responses.ts';
import { ownedTask } from '../owned-task.ts';
import { ApiProblem } from '../problem.ts';
import { showArtifact } from '../show-task.ts';

const LINK_MS = 5 * 60_000;

const listRoute = createRoute({
  method: 'get',
  path: '/v1/tasks/{id}/artifacts',
  summary: 'List what the task produced',
  request: { params: taskIdParams },
  responses: { 200: json(artifactListSchema, 'Names, sizes and hashes'), ...problems(404) },
});

const downloadRoute = createRoute({
  method: 'get',
  path: '/v1/tasks/{id}/artifacts/{name}',
  summary: 'Download an artifact',
  request: {
    params: taskIdParams.extend({ name: z.string() }),
    query: z.object({ proxy: z.enum(['0', '1']).default('0').openapi({ description: '1: the bytes themselves instead of a link.' }) }),
  },
  responses: {
    200: text('application/octet-stream', 'The bytes, as an attachment'),
    302: { description: 'A link that works without a key for a few minutes' },
    ...problems(400, 404),
  },
});

export const artifactRoutes = (app: OpenAPIHono<ApiEnvironment>, { stores, objects, options }: ApiDeps): void => {
  app.openapi(listRoute, async (c) => {
    const task = await ownedTask(c, stores.tasks);
    return c.json({ data: task.artifacts.map((artifact) => showArtifact(task.id, artifact)) }, 200);
  });

  app.openapi(downloadRoute, async (c) => {
    const task = await ownedTask(c, stores.tasks);
    const { name } = artifactOf(task, c.req.param('name'));
    const key = artifactKey(task.id, name);
    const contentType = ARTIFACTS[name];
    const filename = `${task.id}-${name}`;
    if (c.req.valid('query').proxy === '0') {
      return c.redirect(await objects.presign(key, { expiresInMs: options.linkMs ?? LINK_MS, filename, contentType }), 302);
    }
    const object = await objects.get(key, { signal: c.req.raw.signal });
    if (object === null) throw new ApiProblem('NOT_FOUND', `The object of ${name} is gone.`);
    return download(c, { ...object, contentType, filename });
  });
};

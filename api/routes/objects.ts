import type { OpenAPIHono } from '@hono/zod-openapi';
import type { ApiDeps } from '../deps.ts';
import { download } from '../download.ts';
import type { ApiEnvironment } from '../environment.ts';
import { ApiProblem } from '../problem.ts';

/** Presigned links of the folder object store: the signature is the credential. */
export const objectRoutes = (app: OpenAPIHono<ApiEnvironment>, { objects }: ApiDeps): void => {
  app.get('/objects/*', async (c) => {
    const object = await objects.openLink(new URL(c.req.url));
    if (object === null) throw new ApiProblem('NOT_FOUND', 'The link has expired or was never valid.');
    return download(c, object);
  });
};

import type { OpenAPIHono } from '@hono/zod-openapi';
import type { LinkOpener } from '../deps.ts';
import { download } from '../download.ts';
import type { ApiEnvironment } from '../environment.ts';
import { ApiProblem } from '../problem.ts';

/** Presigned links of an object store without servers of its own: the signature is the credential. */
export const objectRoutes = (app: OpenAPIHono<ApiEnvironment>, links: LinkOpener): void => {
  app.get('/objects/*', async (c) => {
    const object = await links.openLink(new URL(c.req.url));
    if (object === null) throw new ApiProblem('NOT_FOUND', 'The link has expired or was never valid.');
    return download(c, object);
  });
};

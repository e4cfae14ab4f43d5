import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import type { ApiDeps } from '../deps.ts';
import type { ApiEnvironment } from '../environment.ts';
import { text } from '../openapi/responses.ts';

const route = createRoute({
  method: 'get',
  path: '/metrics',
  summary: 'Metrics in the text format of Prometheus',
  responses: { 200: text('text/plain', 'The metrics') },
});

export const metricsRoutes = (app: OpenAPIHono<ApiEnvironment>, { metrics }: ApiDeps): void => {
  app.openapi(route, async (c) => {
    const { contentType, text } = await metrics.render();
    return c.body(text, 200, { 'content-type': contentType });
  });
};

import type { OpenAPIHono } from '@hono/zod-openapi';
import type { ApiEnvironment } from '../environment.ts';
import { documentOf } from '../openapi/document.ts';
import { documentPage, PAGE_POLICY } from '../openapi/page.ts';

/** The description for machines and the page for people. Comes after all other routes. */
export const docsRoutes = (app: OpenAPIHono<ApiEnvironment>): void => {
  app.openAPIRegistry.registerComponent('securitySchemes', 'apiKey', { type: 'http', scheme: 'bearer' });
  app.get('/openapi.json', (c) => c.json(documentOf(app)));
  app.get('/docs', (c) => c.html(documentPage(documentOf(app)), 200, { 'content-security-policy': PAGE_POLICY }));
};

import type { OpenAPIHono } from '@hono/zod-openapi';
import type { ApiEnvironment } from '../environment.ts';

/** The API's description, from the same schemas that check its requests. */
export const documentOf = (app: OpenAPIHono<ApiEnvironment>) =>
  app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Codebay',
      version: '1',
      description: 'Hand over a repository and a prompt; get an explanation, a patch or a review. Errors are problem+json.',
    },
    security: [{ apiKey: [] }],
  });

import { z } from '@hono/zod-openapi';
import { problemSchema } from '../../tasks/problem.ts';

const TITLES = {
  400: 'The request cannot be understood',
  401: 'No valid API key',
  404: 'Not found, or not yours',
  409: 'Not in this state',
  410: 'Gone',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Understood, but refused',
  429: 'Too many for this owner; Retry-After says when to try again',
  503: 'Try again shortly',
} as const;

const problemContent = { 'application/problem+json': { schema: problemSchema } };

/** The problems that a route answers, beside 401, 429 and 503 which every route has. */
export const problems = (
  ...statuses: readonly (keyof typeof TITLES)[]
): Record<string, { description: string; content: typeof problemContent }> =>
  Object.fromEntries(
    [401, ...statuses, 429, 503].map((status) => [status, { description: TITLES[status as keyof typeof TITLES], content: problemContent }]),
  );

export const json = <T extends z.ZodType>(schema: T, description: string) => ({ description, content: { 'application/json': { schema } } });

/** A body that isn't JSON. */
export const text = (mediaType: string, description: string) => ({ description, content: { [mediaType]: { schema: z.string() } } });

export const taskIdParams = z.object({ id: z.string().openapi({ description: 'The task id' }) });

import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { taskSpecSchema } from '../../tasks/spec.ts';
import { taskViewSchema } from '../../tasks/task-view.ts';
import type { ApiDeps } from '../deps.ts';
import type { ApiEnvironment } from '../environment.ts';
import { json, problems } from '../openapi/responses.ts';
import { ownerRateCheck } from '../owner-rate-check.ts';
import { ApiProblem } from '../problem.ts';
import { readDetails, showTask, taskPath } from '../show-task.ts';
import { readSubmission } from '../submission/read-submission.ts';
import { createSubmit } from '../submission/submit.ts';

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** For the documentation only: the handler reads the form as a stream, which a validator would buffer. */
const route = createRoute({
  method: 'post',
  path: '/v1/tasks',
  summary: 'Submit a task',
  description: 'JSON for a Git source. For a zip, a form: `task` (the same JSON) first, then `code`, streamed to the store.',
  request: {
    headers: z.object({
      'idempotency-key': z.string().optional().openapi({ description: 'Makes the submission safe to repeat for 24 hours.' }),
    }),
    body: {
      required: true,
      content: {
        'application/json': { schema: taskSpecSchema },
        'multipart/form-data': { schema: z.object({ task: taskSpecSchema, code: z.string().openapi({ format: 'binary' }) }) },
      },
    },
  },
  responses: { 202: json(taskViewSchema, 'Accepted; it will run'), ...problems(400, 409, 410, 413, 415, 422) },
});

const idempotencyKeyOf = (header: string | undefined): string | null => {
  if (header === undefined) return null;
  if (IDEMPOTENCY_KEY.test(header)) return header;
  throw new ApiProblem('INVALID_REQUEST', 'Idempotency-Key: must be 1 to 255 visible ASCII characters.');
};

export const submitRoutes = (app: OpenAPIHono<ApiEnvironment>, deps: ApiDeps): void => {
  const submit = createSubmit(deps);
  const checkRate = ownerRateCheck(deps.rates, 'submissions', deps.options.ownerLimits.submissionsPerMinute, 'TOO_MANY_SUBMISSIONS');
  app.openAPIRegistry.registerPath(route);
  app.post('/v1/tasks', async (c) => {
    const key = idempotencyKeyOf(c.req.header('idempotency-key'));
    // Before anything of a zip is read.
    await checkRate(c.get('owner'));
    const submission = await readSubmission(c.req.raw, c.get('owner'), { ...deps.options, zipBytes: deps.limits.zipBytes });
    try {
      const { task, replayed } = await submit(submission, key);
      c.header('location', taskPath(task.id));
      if (replayed) c.header('idempotent-replay', 'true');
      return c.json(showTask(task, await readDetails(deps.stores, task.id)), 202);
    } finally {
      submission.upload?.code.destroy();
    }
  });
};

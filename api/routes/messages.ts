import { randomUUID } from 'node:crypto';
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { isTerminal } from '../../tasks/status.ts';
import { parseJson, readCapped } from '../capped-body.ts';
import type { ApiDeps } from '../deps.ts';
import type { ApiEnvironment } from '../environment.ts';
import { json, problems, taskIdParams } from '../openapi/responses.ts';
import { ownedTask } from '../owned-task.ts';
import { ApiProblem } from '../problem.ts';

const TEXT_MAX_BYTES = 16 * 1024;
/** JSON may write one byte as six. */
const BODY_MAX_BYTES = 6 * TEXT_MAX_BYTES + 1024;

const messageSchema = z.strictObject({
  text: z
    .string()
    .refine((text) => text.trim() !== '', 'must not be blank')
    .refine((text) => Buffer.byteLength(text) <= TEXT_MAX_BYTES, `must be at most ${TEXT_MAX_BYTES} bytes of UTF-8`),
  /** Made by the client, so that a repeated post is one message. */
  id: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .optional(),
});
const receivedSchema = z.object({ id: z.string(), seq: z.int(), at: z.iso.datetime() });

/** For the documentation only: the handler caps the body before it is parsed. */
const route = createRoute({
  method: 'post',
  path: '/v1/tasks/{id}/messages',
  summary: 'Steer a running task',
  description: 'The agent reads the message before its next step. An `id` makes the post safe to repeat.',
  request: { params: taskIdParams, body: { required: true, content: { 'application/json': { schema: messageSchema } } } },
  responses: { 202: json(receivedSchema, 'Received'), ...problems(400, 404, 409, 413, 422) },
});

export const messageRoutes = (app: OpenAPIHono<ApiEnvironment>, { stores, now = Date.now }: ApiDeps): void => {
  app.openAPIRegistry.registerPath(route);
  app.post('/v1/tasks/:id/messages', async (c) => {
    const task = await ownedTask(c, stores.tasks);
    const { text, id = randomUUID() } = parseJson(messageSchema, await readCapped(c.req.raw, BODY_MAX_BYTES), 'INVALID_BODY');
    if (isTerminal(task.status)) throw new ApiProblem('TASK_FINISHED', `The task has ended as ${task.status}.`);
    const message = await stores.mailbox.post(task.id, id, text);
    if (message.text !== text) throw new ApiProblem('MESSAGE_ID_REUSED', `id: ${id} is the id of another message.`);
    await stores.events.append(task.id, `message:${id}`, [
      { type: 'message', data: { message_id: id, text, change: 'received' }, source_seq: 1, at: now() },
    ]);
    return c.json({ id, seq: message.seq, at: new Date(message.at).toISOString() }, 202);
  });
};

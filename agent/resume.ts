import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { ModelRequest } from './model/conversation.ts';

const call = z.object({ id: z.string(), type: z.literal('function'), function: z.object({ name: z.string(), arguments: z.string() }) });

/** The order of the keys is the one in which requests are written, so that what is read is sent with the same bytes. */
const requestSchema = z.object({
  model: z.string(),
  messages: z.array(
    z.discriminatedUnion('role', [
      z.object({ role: z.literal('system'), content: z.string() }),
      z.object({ role: z.literal('user'), content: z.string() }),
      z.object({ role: z.literal('assistant'), content: z.string(), tool_calls: z.array(call).optional() }),
      z.object({ role: z.literal('tool'), tool_call_id: z.string(), content: z.string() }),
    ]),
  ),
  tools: z.array(
    z.object({
      type: z.literal('function'),
      function: z.object({ name: z.string(), description: z.string(), parameters: z.record(z.string(), z.unknown()) }),
    }),
  ),
  stream: z.literal(true),
  stream_options: z.object({ include_usage: z.literal(true) }),
});

/** The last model request of the run before, as this agent wrote it. Throws where the file holds anything else. */
export const readResumedRequest = async (file: string): Promise<ModelRequest> =>
  requestSchema.parse(JSON.parse(await readFile(file, 'utf8')));

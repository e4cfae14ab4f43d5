import { z } from 'zod';
import { chatMessage, responseItem } from './content-rules.ts';

/*
 * The fields that a model request may have. Values of fields without a rule here are the endpoint's to judge; what is not listed
 * is refused by name, because a new field may be a new way out.
 */

const anything = z.unknown().optional();
/** Taken out before the request goes on: they change nothing in the answer, or identify people. */
export const STRIPPED = [
  'user',
  'metadata',
  'store',
  'service_tier',
  'safety_identifier',
  'prompt_cache_retention',
  'client_metadata',
] as const;

const tools = z.array(z.looseObject({ type: z.enum(['function', 'custom'], 'only function and custom tools may be used') })).max(256);
const toolChoice = z.union([z.string(), z.looseObject({ type: z.enum(['function', 'custom']) })]);
const tokens = z.int().min(1);

const shared = {
  model: z.string(),
  stream: z.boolean().optional(),
  stream_options: z.looseObject({}).optional(),
  tools: tools.optional(),
  tool_choice: toolChoice.optional(),
  parallel_tool_calls: anything,
  temperature: anything,
  top_p: anything,
  top_logprobs: anything,
  prompt_cache_key: anything,
};

export const chatRequest = z.strictObject({
  ...shared,
  messages: z.array(chatMessage).min(1),
  max_tokens: tokens.optional(),
  max_completion_tokens: tokens.optional(),
  n: z.literal(1, 'only one answer may be asked for').optional(),
  stop: anything,
  seed: anything,
  frequency_penalty: anything,
  presence_penalty: anything,
  repetition_penalty: anything,
  top_k: anything,
  min_p: anything,
  logit_bias: anything,
  logprobs: anything,
  response_format: anything,
  reasoning_effort: anything,
  verbosity: anything,
  thinking: anything,
});

export const responsesRequest = z.strictObject({
  ...shared,
  input: z.union([z.string(), z.array(responseItem).min(1)]),
  instructions: z.string().optional(),
  max_output_tokens: tokens.optional(),
  max_tool_calls: anything,
  reasoning: anything,
  text: anything,
  truncation: anything,
  include: z.array(z.enum(['reasoning.encrypted_content', 'message.output_text.logprobs'])).optional(),
  background: z.literal(false).optional(),
});

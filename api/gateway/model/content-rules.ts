import { z } from 'zod';

/** Media stand in the request itself: nothing makes the endpoint fetch an address or open a stored file for a run. */
const dataUrl = z.string().regex(/^data:/i, 'media must be data: URLs');
const absent = z.null().optional();
const text = z.string();
const detail = z.string().max(16).nullish();
const anything = z.unknown().optional();

const chatPart = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text, cache_control: anything }),
  z.strictObject({ type: z.literal('refusal'), refusal: text }),
  z.strictObject({ type: z.literal('image_url'), image_url: z.strictObject({ url: dataUrl, detail }) }),
  z.strictObject({ type: z.literal('input_audio'), input_audio: z.strictObject({ data: text, format: text }) }),
  z.strictObject({ type: z.literal('file'), file: z.strictObject({ file_data: text, filename: text.optional() }) }),
]);

const call = z.discriminatedUnion('type', [
  z.object({ id: text, type: z.literal('function'), function: z.strictObject({ name: text, arguments: text }) }),
  z.object({ id: text, type: z.literal('custom'), custom: z.strictObject({ name: text, input: text }) }),
]);

/** A message of chat completions, with the fields that answers of common servers carry and agents send back. */
export const chatMessage = z.strictObject({
  role: z.enum(['developer', 'system', 'user', 'assistant', 'tool']),
  content: z.union([z.null(), text, z.array(chatPart)]).optional(),
  name: text.nullish(),
  tool_calls: z.array(call).nullish(),
  tool_call_id: text.nullish(),
  refusal: text.nullish(),
  reasoning: text.nullish(),
  reasoning_content: text.nullish(),
  reasoning_details: anything,
  annotations: anything,
  audio: absent,
  function_call: absent,
});

const inputPart = z.discriminatedUnion('type', [
  z.strictObject({ type: z.enum(['input_text', 'summary_text', 'reasoning_text', 'text']), text }),
  z.strictObject({ type: z.literal('output_text'), text, annotations: anything, logprobs: anything }),
  z.strictObject({ type: z.literal('refusal'), refusal: text }),
  z.strictObject({ type: z.literal('input_image'), image_url: dataUrl, detail, file_id: absent }),
  z.strictObject({
    type: z.literal('input_file'),
    file_data: text,
    filename: text.optional(),
    detail,
    file_id: absent,
    file_url: absent,
  }),
]);

const item = { id: text.nullish(), status: text.nullish() };
const output = z.union([text, z.array(inputPart)]);

/** A message may leave its type out; the rules below are told apart by it. */
const withType = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !('type' in value) ? { type: 'message', ...value } : value;

/** An item of a response's input; references to stored items are not among them. */
export const responseItem = z.preprocess(
  withType,
  z.discriminatedUnion('type', [
    z.strictObject({
      ...item,
      type: z.literal('message'),
      role: z.enum(['developer', 'system', 'user', 'assistant']),
      content: z.union([text, z.array(inputPart)]),
      phase: text.nullish(),
    }),
    z.strictObject({ ...item, type: z.literal('function_call'), call_id: text, name: text, arguments: text, namespace: text.nullish() }),
    z.strictObject({ ...item, type: z.literal('function_call_output'), call_id: text, output }),
    z.strictObject({ ...item, type: z.literal('custom_tool_call'), call_id: text, name: text, input: text, namespace: text.nullish() }),
    z.strictObject({ ...item, type: z.literal('custom_tool_call_output'), call_id: text, output }),
    z.strictObject({
      ...item,
      type: z.literal('reasoning'),
      summary: z.array(inputPart),
      content: z.array(inputPart).nullish(),
      encrypted_content: text.nullish(),
    }),
  ]),
);

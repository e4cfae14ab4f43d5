import { z } from 'zod';
import { AskError } from './ask-error.ts';
import type { Finish, ModelAnswer, ToolCall } from './conversation.ts';

const callDelta = z.object({
  index: z.int().nullish(),
  id: z.string().nullish(),
  function: z.object({ name: z.string().nullish(), arguments: z.string().nullish() }).nullish(),
});

const chunkSchema = z.object({
  choices: z.array(
    z.object({
      delta: z.object({ content: z.string().nullish(), tool_calls: z.array(callDelta).nullish() }).nullish(),
      finish_reason: z.string().nullish(),
    }),
  ),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish(),
});

interface OpenCall {
  readonly index: number | null;
  id: string;
  name: string;
  arguments: string;
}

const finishOf = (reason: string): Finish => {
  if (reason === 'length' || reason === 'content_filter' || reason === 'tool_calls') return reason;
  return 'stop';
};

/** Finds the call that a delta goes on with, or opens one: some endpoints leave out the index, others repeat 0 with new ids. */
const callOf = (open: OpenCall[], delta: z.output<typeof callDelta>): OpenCall => {
  const index = delta.index ?? null;
  const id = delta.id ?? '';
  const known = index === null ? open.at(-1) : open.findLast((call) => call.index === index);
  if (known !== undefined && (id === '' || known.id === '' || id === known.id)) return known;
  const fresh: OpenCall = { index, id: '', name: '', arguments: '' };
  open.push(fresh);
  return fresh;
};

/**
 * Puts the chunks of one streamed answer together. Throws `AskError` of kind `unparsable` for a chunk of another shape and for a
 * stream that ends without a finish reason: nothing of such an answer may be used.
 */
export const assembleAnswer = async (chunks: AsyncIterable<unknown>): Promise<ModelAnswer> => {
  const calls: OpenCall[] = [];
  let text = '';
  let finish: Finish | null = null;
  let usage: ModelAnswer['usage'] = null;
  for await (const raw of chunks) {
    const parsed = chunkSchema.safeParse(raw);
    if (!parsed.success) throw new AskError('unparsable', 'a chunk of the answer is not a chat completion chunk');
    const { choices, usage: used } = parsed.data;
    if (used) usage = { input: used.prompt_tokens, output: used.completion_tokens };
    const choice = choices[0];
    if (choice === undefined) continue;
    text += choice.delta?.content ?? '';
    for (const delta of choice.delta?.tool_calls ?? []) {
      const call = callOf(calls, delta);
      call.id ||= delta.id ?? '';
      call.name ||= delta.function?.name ?? '';
      call.arguments += delta.function?.arguments ?? '';
    }
    if (choice.finish_reason) finish = finishOf(choice.finish_reason);
  }
  if (finish === null) throw new AskError('unparsable', 'the answer ended without a finish reason');
  return { text, calls: calls.map(({ id, name, arguments: json }): ToolCall => ({ id, name, arguments: json })), finish, usage };
};

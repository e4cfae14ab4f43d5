import { z } from 'zod';
import type { ModelEndpoint } from './model-request.ts';

const count = z.int().min(0);
const chatUsage = z.object({ prompt_tokens: count, completion_tokens: count });
const responsesUsage = z.object({ input_tokens: count, output_tokens: count });

const chatBody = z.looseObject({
  choices: z.array(z.looseObject({ finish_reason: z.string().nullish() })),
  usage: chatUsage.nullish().catch(null),
});
const response = z.looseObject({ status: z.string().nullish(), usage: responsesUsage.nullish().catch(null) });
const chatError = z.looseObject({ error: z.looseObject({}) });

export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** What a piece of an answer, or a whole one, says of its own end. */
export interface AnswerSign {
  /** `last`: nothing more comes. `enough`: it is complete if nothing more comes. `failed`: the last, and it tells of a failure. */
  readonly end: 'open' | 'enough' | 'last' | 'failed';
  readonly usage: TokenUsage | null;
}

const chatTokens = (usage: z.output<typeof chatUsage> | null | undefined): TokenUsage | null =>
  usage ? { inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens } : null;
const responsesTokens = (usage: z.output<typeof responsesUsage> | null | undefined): TokenUsage | null =>
  usage ? { inputTokens: usage.input_tokens, outputTokens: usage.output_tokens } : null;

const json = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const chatEvent = (data: string): AnswerSign | null => {
  if (data.trim() === '[DONE]') return { end: 'last', usage: null };
  const value = json(data);
  if (chatError.safeParse(value).success) return { end: 'failed', usage: null };
  const chunk = chatBody.safeParse(value);
  if (!chunk.success) return null;
  const finished = chunk.data.choices.some(({ finish_reason }) => typeof finish_reason === 'string');
  return { end: finished ? 'enough' : 'open', usage: chatTokens(chunk.data.usage) };
};

const responsesEvent = (data: string): AnswerSign | null => {
  const event = z.looseObject({ type: z.string(), response: response.optional().catch(undefined) }).safeParse(json(data));
  if (!event.success) return null;
  const usage = responsesTokens(event.data.response?.usage);
  switch (event.data.type) {
    case 'response.completed':
    case 'response.incomplete':
      return { end: 'last', usage };
    case 'response.failed':
    case 'error':
      return { end: 'failed', usage };
    default:
      return { end: 'open', usage: null };
  }
};

/** Reads one event of a stream; null where it isn't one of this protocol. */
export const readEvent = (endpoint: ModelEndpoint, data: string): AnswerSign | null =>
  endpoint === 'responses' ? responsesEvent(data) : chatEvent(data);

/** Reads a whole answer; null where it isn't one of this protocol. */
export const readWhole = (endpoint: ModelEndpoint, body: string): AnswerSign | null => {
  const value = json(body);
  if (endpoint === 'responses') {
    const whole = response.extend({ output: z.array(z.unknown()) }).safeParse(value);
    return whole.success ? { end: whole.data.status === 'failed' ? 'failed' : 'last', usage: responsesTokens(whole.data.usage) } : null;
  }
  const whole = chatBody.safeParse(value);
  return whole.success ? { end: 'last', usage: chatTokens(whole.data.usage) } : null;
};

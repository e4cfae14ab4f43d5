import type { Message } from './model/conversation.ts';

/** Tokens that a history may have before it is compacted; models with less fail at their own limit. */
export const CONTEXT_TOKENS = 120_000;
/** Compacting well below the limit keeps the beginning of the history, and so the endpoint's cache, stable for many turns. */
const TARGET_SHARE = 0.6;
const CHARS_PER_TOKEN = 4;
const SHORTENED_CHARS = 200;
/** The newest messages, and the last answer with all it led to, stay whole: the model is working with them. */
const FRESH_MESSAGES = 6;
const GAP: Message = {
  role: 'user',
  content: '[Earlier steps are left out here to save space. Files may have changed since you last read them.]',
};

const charsOf = (message: Message): number => {
  const calls = message.role === 'assistant' ? (message.tool_calls ?? []) : [];
  return calls.reduce((sum, call) => sum + call.function.name.length + call.function.arguments.length, message.content.length);
};

/** A history's size, by the rule of thumb of four characters a token. */
export const estimateTokens = (messages: readonly Message[]): number =>
  Math.ceil(messages.reduce((sum, message) => sum + charsOf(message), 0) / CHARS_PER_TOKEN);

const shortened = (message: Message): Message => {
  if (message.role !== 'tool' || message.content.length <= 2 * SHORTENED_CHARS) return message;
  const left = message.content.length - SHORTENED_CHARS;
  return {
    ...message,
    content: `${message.content.slice(0, SHORTENED_CHARS).toWellFormed()}\n[… ${left} characters left out to save space …]`,
  };
};

/** Whether a message may go altogether: the system prompt, the task, AGENTS.md and steering never may. */
const expendable = (message: Message): boolean => message.role === 'assistant' || message.role === 'tool';

const freshFrom = (messages: readonly Message[]): number =>
  Math.min(
    messages.length - FRESH_MESSAGES,
    messages.findLastIndex(({ role }) => role === 'assistant'),
  );

/** Leaves out the oldest rounds (an answer with all its observations) until `excess` tokens are saved. */
const withoutOldRounds = (messages: readonly Message[], excessTokens: number): Message[] => {
  const kept: Message[] = [];
  let saved = 0;
  let dropping = false;
  let gapAt: number | null = null;
  const fresh = freshFrom(messages);
  for (const [index, message] of messages.entries()) {
    if (message.role === 'assistant') dropping = saved < excessTokens && index < fresh;
    if (message.content === GAP.content) {
      gapAt ??= kept.length;
    } else if (dropping && expendable(message)) {
      gapAt ??= kept.length;
      saved += estimateTokens([message]);
    } else {
      kept.push(message);
    }
  }
  return gapAt === null ? [...messages] : kept.toSpliced(gapAt, 0, GAP);
};

/**
 * The same history where it fits into `limitTokens`; else one of about 60 % of that: the oldest observations are shortened first, then
 * the oldest rounds left out. What users said stays verbatim. Depends on nothing but its arguments.
 */
export const compact = (history: readonly Message[], limitTokens: number): readonly Message[] => {
  const size = estimateTokens(history);
  if (size <= limitTokens) return history;
  const target = limitTokens * TARGET_SHARE;
  const fresh = freshFrom(history);
  let excess = size - target;
  const messages = history.map((message, index) => {
    if (excess <= 0 || index >= fresh) return message;
    const short = shortened(message);
    excess -= estimateTokens([message]) - estimateTokens([short]);
    return short;
  });
  return excess <= 0 ? messages : withoutOldRounds(messages, excess);
};

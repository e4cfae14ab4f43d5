import { FailureError } from '../tasks/failure.ts';
import { createCallRunner } from './call-runner.ts';
import { compact, estimateTokens } from './compaction.ts';
import type { Instructions } from './instructions.ts';
import { AskError } from './model/ask-error.ts';
import { type Message, type ModelAnswer, type ModelRequest, modelRequest } from './model/conversation.ts';
import type { Model } from './model/persistent.ts';
import type { Narrator } from './narrator.ts';
import { RESUMED_NOTE, replyTo } from './prompts/replies.ts';
import { createRepetition, NUDGE } from './repetition.ts';
import type { Steering } from './steering.ts';
import type { Tool } from './tools/tool.ts';

/** Answers in a row that neither ran a call nor said anything. */
const MAX_FUTILE = 3;

export interface LoopDeps {
  readonly model: Model;
  readonly modelName: string;
  readonly tools: readonly Tool[];
  readonly instructions: Instructions;
  readonly steering: Steering;
  readonly log: Narrator;
  readonly limits: { readonly steps: number; readonly tokens: number };
  readonly contextTokens: number;
  /** Told every message that enters the history, in order. */
  readonly record: (message: Message) => void;
}

export interface LoopStart {
  readonly history: readonly Message[];
  /** The last request of the run before, sent first and as it was; its messages are `history`. */
  readonly resumed: ModelRequest | null;
}

const saysNothing = (answer: ModelAnswer): boolean => answer.finish === 'content_filter' || answer.text.trim() === '';

/**
 * Model call, tool calls, observations, until the model answers without calls; returns that text. Throws `FailureError` with the reason
 * where the task can't be finished, or the signal's reason.
 */
export const runLoop = async (deps: LoopDeps, { history, resumed }: LoopStart, signal: AbortSignal): Promise<string> => {
  const { model, modelName, tools, instructions, steering, log, limits } = deps;
  const runCalls = createCallRunner({ tools, log });
  const judge = createRepetition();
  const definitions = tools.map(({ definition }) => definition);
  let messages = history;
  let request = resumed;
  let steps = history.filter(({ role }) => role === 'assistant').length;
  let tokens = 0;
  let futile = 0;
  let partial = '';
  let contextTokens = deps.contextTokens;

  const append = (...fresh: readonly Message[]): void => {
    messages = [...messages, ...fresh];
    fresh.forEach(deps.record);
  };
  const listen = async (): Promise<boolean> => {
    const heard = await steering(signal);
    for (const { content } of heard) log.note(content);
    append(...heard);
    return heard.length > 0;
  };
  /** A model whose context turns out to be smaller is asked once more, with half of the history, and gets no longer ones from then on. */
  const ask = async (asked: ModelRequest): Promise<ModelAnswer> => {
    try {
      return await model(asked, signal);
    } catch (error) {
      if (!(error instanceof AskError && error.kind === 'too_long')) throw error;
      contextTokens = Math.floor(estimateTokens(messages) / 2);
      messages = compact(messages, contextTokens);
      log.note("the history is longer than the model's context; asking again with less of it");
      return model(modelRequest(modelName, messages, definitions), signal).catch((again: unknown) => {
        throw again instanceof AskError ? new FailureError(again.reason, again.message, { cause: again }) : again;
      });
    }
  };
  const checkFutile = (answer: ModelAnswer, useless: boolean): void => {
    futile = useless ? futile + 1 : 0;
    if (futile < MAX_FUTILE) return;
    if (answer.finish === 'content_filter') throw new FailureError('MODEL_REFUSED', "the model's content filter stopped its answers");
    throw new FailureError('MODEL_PROTOCOL', `${MAX_FUTILE} answers in a row held neither a valid tool call nor a text`);
  };

  for (;;) {
    if (steps >= limits.steps) throw new FailureError('STEP_LIMIT', `the agent used all of its ${limits.steps} steps`);
    if (tokens >= limits.tokens) throw new FailureError('BUDGET_EXHAUSTED', `the agent used ${tokens} of ${limits.tokens} tokens`);
    if (request === null) {
      await listen();
      messages = compact(messages, contextTokens);
    }
    const asked: ModelRequest = request ?? modelRequest(modelName, messages, definitions);
    const prefix = request === null ? '' : RESUMED_NOTE;
    request = null;
    log.step(steps + 1, limits.steps);
    const answer = await ask(asked);
    steps++;
    tokens += answer.usage
      ? answer.usage.input + answer.usage.output
      : estimateTokens([...messages, { role: 'user', content: answer.text }]);
    log.words(answer.text);

    if (answer.calls.length > 0) {
      partial = '';
      const round = await runCalls(answer, steps, prefix, signal);
      append(...round.messages);
      checkFutile(answer, round.ran === 0);
      for (const folder of round.touched) append(...(await instructions.enter(folder)));
      const verdict = judge(round.signature);
      if (verdict === 'stuck') throw new FailureError('AGENT_STUCK', 'the agent went on making the same calls with the same results');
      if (verdict === 'nudge') append({ role: 'user', content: NUDGE });
      continue;
    }

    if (answer.text !== '') append({ role: 'assistant', content: answer.text });
    if (answer.finish === 'stop' && answer.text.trim() !== '') {
      // A message that came while the model wrote its last words still counts.
      if (await listen()) continue;
      return partial + answer.text;
    }
    partial += answer.finish === 'length' ? answer.text : '';
    checkFutile(answer, saysNothing(answer));
    append({ role: 'user', content: replyTo(answer) });
  }
};

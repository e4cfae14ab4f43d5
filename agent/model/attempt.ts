import { OpenAI } from 'openai/client';
import { httpFetch } from '../http-fetch.ts';
import { assembleAnswer } from './answer.ts';
import { AskError } from './ask-error.ts';
import { classifyAskError } from './classify.ts';
import type { ModelAnswer, ModelRequest } from './conversation.ts';

/** Asks once: a finished answer, an `AskError`, or the signal's reason. */
export type Attempt = (request: ModelRequest, signal: AbortSignal) => Promise<ModelAnswer>;

export interface EndpointOptions {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** How long the endpoint may be silent, before the answer and within it. */
  readonly silenceMs: number;
}

/** Runs an action that must call `heard` at least every `silenceMs`; its signal is aborted otherwise. */
const withinSilence = async <T>(
  silenceMs: number,
  outer: AbortSignal,
  action: (signal: AbortSignal, heard: () => void) => Promise<T>,
): Promise<T> => {
  const silent = new AbortController();
  const timer = setTimeout(() => silent.abort(), silenceMs);
  try {
    return await action(AbortSignal.any([outer, silent.signal]), () => timer.refresh());
  } catch (error) {
    outer.throwIfAborted();
    if (silent.signal.aborted) throw new AskError('timed_out', `the model was silent for ${silenceMs / 1000} s`, {}, { cause: error });
    throw error;
  } finally {
    clearTimeout(timer);
  }
};

async function* listened<T>(stream: AsyncIterable<T>, heard: () => void): AsyncGenerator<T> {
  for await (const item of stream) {
    heard();
    yield item;
  }
}

/** One streamed chat completion a call, never repeated here: what a retry costs is decided in one place, `persistent.ts`. */
export const createAttempt = ({ baseUrl, apiKey, silenceMs }: EndpointOptions): Attempt => {
  const client = new OpenAI({ baseURL: baseUrl, apiKey, maxRetries: 0, timeout: silenceMs + 1000, fetch: httpFetch, logLevel: 'off' });
  return (request, signal) =>
    withinSilence(silenceMs, signal, async (inner, heard) => {
      const stream = await client.chat.completions.create(request, { signal: inner });
      heard();
      const answer = await assembleAnswer(listened(stream, heard));
      inner.throwIfAborted();
      return answer;
    }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw classifyAskError(error, Date.now());
    });
};

import { APIError } from 'openai/core/error';
import { Stream } from 'openai/core/streaming';
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

const parsedOrNull = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

const errorOf = async (response: Response): Promise<APIError> => {
  const text = await response.text();
  const body = parsedOrNull(text);
  const isObject = typeof body === 'object' && body !== null;
  return APIError.generate(response.status, isObject ? body : undefined, isObject ? undefined : text, response.headers);
};

/**
 * One streamed chat completion a call, never repeated here: what a retry costs is decided in one place, `persistent.ts`.
 * Uses the SDK's stream and errors without its client, whose import alone would double the time to the first request.
 */
export const createAttempt = ({ baseUrl, apiKey, silenceMs }: EndpointOptions): Attempt => {
  const url = `${baseUrl.replace(/\/+$/, '')}/chat/completions`;
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', accept: 'text/event-stream' };
  return (request, outer) =>
    withinSilence(silenceMs, outer, async (signal, heard) => {
      const response = await httpFetch(url, { method: 'POST', headers, body: JSON.stringify(request), signal });
      heard();
      if (!response.ok) throw await errorOf(response);
      const controller = new AbortController();
      const answer = await assembleAnswer(listened(Stream.fromSSEResponse<unknown>(response, controller), heard));
      signal.throwIfAborted();
      return answer;
    }).catch((error: unknown) => {
      outer.throwIfAborted();
      throw classifyAskError(error, Date.now());
    });
};

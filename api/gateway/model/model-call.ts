import { z } from 'zod';
import { GatewayError } from '../gateway-error.ts';
import { readEvent, readWhole, type TokenUsage } from './answer-shape.ts';
import { modelError, modelErrorOf } from './model-error.ts';
import type { ModelRequest } from './model-request.ts';
import { sseBlocks } from './sse-blocks.ts';
import { holdsKey } from './station-key.ts';

const QUOTABLE_BYTES = 64 * 1024;

/** What never reached the endpoint, so can't have cost anything. */
const UNSENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
const SILENT = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

export interface AnswerHead {
  readonly contentType: string;
  readonly requestId: string | null;
}

/** How a call ended. Nothing is thrown: what it has cost is known in either case. */
export type CallEnd =
  | {
      readonly state: 'answered';
      readonly head: AnswerHead;
      /** Whether the whole answer may be given again to whoever asks the same. */
      readonly replayable: boolean;
      readonly usage: TokenUsage | null;
      readonly outputGuess: number;
      /** The last piece, held back until the answer is settled: who sees the end can rely on the journal. */
      readonly last: Buffer;
    }
  | { readonly state: 'broken'; readonly error: GatewayError; readonly charged: boolean; readonly outputGuess: number };

export interface CallSink {
  /** When the answer is known to be one; a call that breaks before is an error response. Later calls change nothing. */
  begin(head: AnswerHead): void;
  write(chunk: Buffer): void;
}

class BadAnswerError extends Error {
  override readonly name = 'BadAnswerError';
}

/** The system's code behind a failed fetch; empty where there is none. */
const causeCode = (error: unknown): string => {
  const failure = z.object({ cause: z.object({ code: z.string() }) }).safeParse(error);
  return failure.success ? failure.data.cause.code : '';
};

/** Asks the model's endpoint once: with the real key, rebuilt headers, no redirects, bounded in time and size. Aborted with a `GatewayError`, it ends with that. */
export const createModelCall = (deps: {
  readonly fetch: typeof fetch;
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly timeoutMs: number;
  readonly answerBytes: number;
  readonly now: () => number;
}) => {
  const base = deps.baseUrl.replace(/\/+$/, '');

  async function* bounded(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
    let sizeBytes = 0;
    for await (const chunk of body ?? []) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > deps.answerBytes) throw new BadAnswerError(`the model's answer is larger than ${deps.answerBytes} bytes`);
      yield chunk;
    }
  }

  const refuseKey = (text: string): void => {
    // Whoever asks again gets the same answer, and pays for it.
    if (holdsKey(text, deps.apiKey)) throw modelError(502, 'MODEL_REFUSED', "the model's answer holds the station's key");
  };

  const send = (request: ModelRequest, signal: AbortSignal): Promise<Response> =>
    deps.fetch(`${base}/${request.endpoint}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: request.stream ? 'text/event-stream' : 'application/json',
        ...(deps.apiKey === '' ? {} : { authorization: `Bearer ${deps.apiKey}` }),
      },
      body: request.body,
      redirect: 'manual',
      signal,
    });

  const quotable = async (response: Response): Promise<string> => {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk);
      sizeBytes += chunk.byteLength;
      if (sizeBytes > QUOTABLE_BYTES) break;
    }
    return Buffer.concat(chunks).toString();
  };

  return async (request: ModelRequest, sink: CallSink, abort: AbortSignal): Promise<CallEnd> => {
    const timeout = AbortSignal.timeout(deps.timeoutMs);
    const seen = { sent: true, events: 0, bytes: 0 };
    const outputGuess = () => Math.min(request.maxOutputTokens, request.stream ? seen.events : Math.ceil(seen.bytes / 3));

    const readStream = async (response: Response, requestId: string | null): Promise<CallEnd> => {
      const head = { contentType: 'text/event-stream; charset=utf-8', requestId };
      let usage: TokenUsage | null = null;
      let enough = false;
      const early: Buffer[] = [];
      for await (const block of sseBlocks(bounded(response.body))) {
        refuseKey(block.bytes.toString());
        if (block.data === null) {
          if (seen.events === 0) early.push(block.bytes);
          else sink.write(block.bytes);
          continue;
        }
        const sign = readEvent(request.endpoint, block.data);
        if (sign === null) throw new BadAnswerError('the model sent an event that is none of its protocol');
        if (seen.events === 0) {
          sink.begin(head);
          for (const bytes of early) sink.write(bytes);
        }
        seen.events += 1;
        usage = sign.usage ?? usage;
        if (sign.end === 'last' || sign.end === 'failed') {
          const replayable = sign.end === 'last';
          return { state: 'answered', head, replayable, usage, outputGuess: outputGuess(), last: block.bytes };
        }
        enough ||= sign.end === 'enough';
        sink.write(block.bytes);
      }
      if (enough) return { state: 'answered', head, replayable: true, usage, outputGuess: outputGuess(), last: Buffer.alloc(0) };
      throw new BadAnswerError("the model's stream ended before its answer did");
    };

    const readJson = async (response: Response, requestId: string | null): Promise<CallEnd> => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of bounded(response.body)) {
        chunks.push(chunk);
        seen.bytes += chunk.byteLength;
      }
      const last = Buffer.concat(chunks);
      refuseKey(last.toString());
      const sign = readWhole(request.endpoint, last.toString());
      if (sign === null) throw new BadAnswerError("the model's answer is none of its protocol");
      const head = { contentType: 'application/json', requestId };
      return { state: 'answered', head, replayable: sign.end === 'last', usage: sign.usage, outputGuess: outputGuess(), last };
    };

    const ask = async (signal: AbortSignal): Promise<CallEnd> => {
      const response = await send(request, signal);
      if (response.status !== 200) {
        const answer = { status: response.status, retryAfter: response.headers.get('retry-after'), body: await quotable(response) };
        return { state: 'broken', error: modelErrorOf(answer, deps.apiKey, deps.now()), charged: false, outputGuess: 0 };
      }
      const isStream = response.headers.get('content-type')?.toLowerCase().startsWith('text/event-stream') ?? false;
      if (isStream !== request.stream) throw new BadAnswerError(`the model answered with ${isStream ? 'a stream' : 'no stream'}`);
      const requestId = response.headers.get('x-request-id');
      return isStream ? await readStream(response, requestId) : await readJson(response, requestId);
    };

    const errorOf = (error: unknown): GatewayError => {
      if (abort.reason instanceof GatewayError) return abort.reason;
      if (error instanceof GatewayError) return error;
      if (timeout.aborted || SILENT.has(causeCode(error))) {
        return modelError(504, 'MODEL_TIMEOUT', `the model did not answer within ${deps.timeoutMs / 1000} s`, { cause: error });
      }
      if (error instanceof BadAnswerError) return modelError(502, 'MODEL_PROTOCOL', error.message, { cause: error });
      return modelError(503, 'MODEL_UNAVAILABLE', "the model's endpoint could not be reached", { cause: error });
    };

    const own = new AbortController();
    try {
      return await ask(AbortSignal.any([abort, timeout, own.signal]));
    } catch (error) {
      return { state: 'broken', error: errorOf(error), charged: !UNSENT.has(causeCode(error)), outputGuess: outputGuess() };
    } finally {
      // Whatever of the answer is left unread is not waited for.
      own.abort();
    }
  };
};

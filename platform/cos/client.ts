import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import COS from 'cos-nodejs-sdk-v5';
import { z } from 'zod';
import { asConnectionError, createConnection } from './connection.ts';
import { CosAnswerError, CosClockError, CosConnectionError, CosDamageError } from './exchange-errors.ts';
import { COS_TIMING, type CosOptions, type CosRequest, type CosTiming } from './options.ts';
import { withRetries } from './retry.ts';
import { createSigner } from './sign.ts';

/** COS's own limit on what a clock may be off. */
const SKEW_MS = 30_000;
/** Of answers that are read whole: a page of 1,000 long keys stays far below. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

export interface CosAnswer {
  readonly headers: IncomingHttpHeaders;
  /** The XML as the SDK reads it: `{}` where there is none. */
  readonly xml: unknown;
}

export interface CosClient {
  readonly timing: CosTiming;
  /** One attempt, up to the answer's head: a 2xx whose body is still to be read. */
  open(request: CosRequest, signal?: AbortSignal): Promise<IncomingMessage>;
  /** A whole exchange, tried again while it may pass. `crc64` is what COS must have received; a wrong one is tried again, too. */
  call(request: CosRequest, options?: { readonly signal?: AbortSignal; readonly crc64?: bigint }): Promise<CosAnswer>;
  /** A link for one request, without headers of its own. */
  link(request: CosRequest, expiresInMs: number): string;
}

const readAll = async (answer: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of answer) {
      sizeBytes += chunk.length;
      if (sizeBytes > MAX_ANSWER_BYTES) throw new CosConnectionError('the answer is too long');
      chunks.push(chunk);
    }
  } catch (error) {
    throw asConnectionError(error);
  }
  return Buffer.concat(chunks).toString();
};

const errorSchema = z.object({ Error: z.object({ Code: z.string() }) });

const answerError = ({ statusCode = 0, headers }: IncomingMessage, xml: unknown): CosAnswerError => {
  const parsed = errorSchema.safeParse(xml);
  const serverTimeMs = Date.parse(headers.date ?? '');
  return new CosAnswerError({
    status: statusCode,
    code: parsed.success ? parsed.data.Error.Code : '',
    requestId: String(headers['x-cos-request-id'] ?? 'unknown'),
    serverTimeMs: Number.isNaN(serverTimeMs) ? null : serverTimeMs,
  });
};

const parseXml = (text: string): unknown => {
  if (!text.trimStart().startsWith('<')) return {};
  try {
    return COS.util.xml2json(text);
  } catch (error) {
    throw new CosConnectionError('the answer is no XML', { cause: error });
  }
};

export const createCosClient = (options: CosOptions): CosClient => {
  const timing = { ...COS_TIMING, ...options.timing };
  const signer = createSigner(options);
  const connection = createConnection(options.endpoint, timing);
  /** What the server's clock is ahead of ours, as far as it matters. */
  let clockOffsetMs = 0;
  const now = (): number => Date.now() + clockOffsetMs;

  /** A refusal whose reason may be our clock sets it right. */
  const judged = (error: CosAnswerError): Error => {
    const { status, serverTimeMs } = error;
    if (status !== 403 || serverTimeMs === null || Math.abs(serverTimeMs - now()) < SKEW_MS) return error;
    clockOffsetMs = serverTimeMs - Date.now();
    return new CosClockError(`this machine's clock is ${Math.round(clockOffsetMs / 1000)} s behind`, { cause: error });
  };

  const open = async (request: CosRequest, signal?: AbortSignal): Promise<IncomingMessage> => {
    const { method, bucket, body } = request;
    const headers = signer.headersOf(request, now());
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), timing.attemptMs);
    try {
      const either = signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal]);
      const answer = await connection.send({ method, host: signer.hostOf(bucket), path: signer.pathOf(request), headers, body }, either);
      const status = answer.statusCode ?? 0;
      if (status >= 200 && status < 300) return answer;
      throw judged(answerError(answer, parseXml(await readAll(answer))));
    } catch (error) {
      if (limit.signal.aborted && !signal?.aborted) throw new CosConnectionError(`no answer after ${timing.attemptMs} ms`);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };

  const attempt = async (request: CosRequest, signal: AbortSignal | undefined, crc64: bigint | undefined): Promise<CosAnswer> => {
    const answer = await open(request, signal);
    const xml = parseXml(await readAll(answer));
    // COS starts to answer a completion before it is done.
    if (errorSchema.safeParse(xml).success) throw answerError(answer, xml);
    const received = answer.headers['x-cos-hash-crc64ecma'];
    if (crc64 !== undefined && received !== undefined && received !== crc64.toString()) {
      throw new CosDamageError('COS received other bytes than were sent');
    }
    return { headers: answer.headers, xml };
  };

  return {
    timing,
    open,
    call: (request, { signal, crc64 } = {}) => withRetries(timing, signal, () => attempt(request, signal, crc64)),
    link: (request, expiresInMs) => {
      const path = signer.pathOf({ ...request, query: {} });
      return `https://${signer.hostOf(request.bucket)}${path}?${signer.signedQuery(request, now(), now() + expiresInMs)}`;
    },
  };
};

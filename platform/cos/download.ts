import type { IncomingMessage } from 'node:http';
import { addAbortSignal, Readable } from 'node:stream';
import type { CosClient } from './client.ts';
import { asConnectionError } from './connection.ts';
import type { Crc64 } from './crc64.ts';
import { CosAnswerError, CosConnectionError, CosDamageError, mayPass } from './exchange-errors.ts';
import type { ObjectName } from './multipart.ts';
import { backOff, withRetries } from './retry.ts';

/** How often a silent connection is looked at within the time that it may be silent. */
const LOOKS = 4;

/** Destroys an answer that is awaited and silent for too long. One whose reader is slow is left alone: that is what back-pressure is for. */
const watchSilence = (idleMs: number) => {
  let awaited: IncomingMessage | null = null;
  // Looks are counted, not time: a process that didn't get to run for a while has missed nothing yet.
  let looks = 0;
  const look = setInterval(() => {
    if (awaited === null) return;
    looks += 1;
    if (looks > LOOKS) awaited.destroy(new CosConnectionError(`nothing moved for ${idleMs} ms`));
  }, idleMs / LOOKS).unref();
  return {
    awaits: (answer: IncomingMessage): void => {
      awaited = answer;
      looks = 0;
    },
    rests: (): void => {
      awaited = null;
    },
    end: (): void => clearInterval(look),
  };
};

const asError = (error: unknown): Error => (error instanceof Error ? error : new CosConnectionError(String(error)));

/**
 * An object as a stream; null where there is none. A connection that breaks, stalls or ends early is opened again from the byte where it
 * was, as long as each one brings something or a few in a row don't. The whole is checked by length and CRC-64 before it ends.
 */
export const download = async (
  client: CosClient,
  crc: Crc64,
  object: ObjectName,
  { signal, mapError }: { readonly signal: AbortSignal | undefined; readonly mapError: (error: unknown) => unknown },
): Promise<{ readonly sizeBytes: number; readonly body: Readable } | null> => {
  const { timing } = client;
  const stop = new AbortController();
  const ended = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const request = { ...object, method: 'GET' } as const;

  const first = await withRetries(timing, signal, () => client.open(request, ended)).catch((error: unknown) => {
    if (error instanceof CosAnswerError && error.code === 'NoSuchKey') return null;
    throw error;
  });
  if (first === null) return null;
  const sizeBytes = Number(first.headers['content-length']);
  const { etag = '', 'x-cos-hash-crc64ecma': crc64 } = first.headers;

  const resume = async (from: number): Promise<IncomingMessage> => {
    const answer = await client.open({ ...request, headers: { range: `bytes=${from}-`, 'if-match': etag } }, ended);
    if (answer.headers['content-range']?.startsWith(`bytes ${from}-`)) return answer;
    answer.destroy();
    throw new CosConnectionError('COS answered with another range');
  };
  const isGone = (error: unknown): boolean => error instanceof CosAnswerError && (error.status === 412 || error.status === 404);

  const silence = watchSilence(timing.idleMs);
  let answer: IncomingMessage | null = first;
  let received = 0;
  let sum = 0n;
  let failures = 0;

  /** Moves one answer's bytes into the body; resolves at its end, rejects when it broke. */
  const pump = (from: IncomingMessage): Promise<void> =>
    new Promise((resolve, reject) => {
      from.on('data', (chunk: Buffer) => {
        failures = 0;
        received += chunk.length;
        sum = crc.update(sum, chunk);
        silence.awaits(from);
        if (body.push(chunk)) return;
        from.pause();
        silence.rests();
      });
      from.once('end', resolve).once('error', reject);
      // From here on `silence` watches, which knows when nothing is awaited.
      from.setTimeout(0);
      silence.awaits(from);
    });

  const moveAll = async (): Promise<void> => {
    while (received < sizeBytes) {
      try {
        answer ??= await resume(received);
        await pump(answer);
      } catch (error) {
        if (isGone(error)) throw new CosDamageError('the object was replaced or deleted while it was read');
        const failure = asConnectionError(error);
        failures += 1;
        if (!mayPass(failure) || failures >= timing.attempts) throw failure;
        await backOff(timing, failures, ended);
      } finally {
        silence.rests();
        answer = null;
      }
    }
    if (crc64 !== undefined && crc64 !== sum.toString())
      throw new CosDamageError('the bytes do not have the checksum that COS keeps of them');
    body.push(null);
  };

  let moving = false;
  const body = new Readable({
    read() {
      if (!moving) {
        moving = true;
        moveAll().catch((error: unknown) => body.destroy(asError(mapError(error))));
      } else if (answer?.isPaused()) {
        silence.awaits(answer);
        answer.resume();
      }
    },
    destroy(error, done) {
      silence.end();
      stop.abort();
      done(error);
    },
  });
  if (sizeBytes === 0) first.resume();
  return { sizeBytes, body: signal === undefined ? body : addAbortSignal(signal, body) };
};

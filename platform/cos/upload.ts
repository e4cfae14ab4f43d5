import { addAbortSignal, type Readable } from 'node:stream';
import type { StoredObject } from '../../tasks/ports/object-store.ts';
import type { CosClient } from './client.ts';
import type { Crc64 } from './crc64.ts';
import { type ObjectName, startMultipart } from './multipart.ts';
import { type Part, partsOf } from './parts.ts';

/** An object up to this size is one request; a larger one is sent in parts of it, of which COS takes 10,000. */
const PART_BYTES = 4 * 1024 * 1024;
const MAX_PARTS = 10_000;
/** Parts under way at once; one more is being filled. */
const PARALLEL = 3;

/** Sends parts, a few at a time. The first failure is reported at once, so that the source and the other parts end, and thrown when they have. */
const sendAll = async (
  parts: AsyncIterable<Part>,
  send: (number: number, part: Part) => Promise<void>,
  onFailure: () => void,
): Promise<void> => {
  const failures: unknown[] = [];
  const fail = (error: unknown): void => {
    failures.push(error);
    onFailure();
  };
  const underWay = new Set<Promise<void>>();
  let number = 0;
  try {
    for await (const part of parts) {
      if (underWay.size === PARALLEL) await Promise.race(underWay);
      number += 1;
      const sending = send(number, part)
        .catch(fail)
        .finally(() => underWay.delete(sending));
      underWay.add(sending);
    }
  } catch (error) {
    fail(error);
  }
  await Promise.all(underWay);
  if (failures.length > 0) throw failures[0];
};

async function* chain(first: readonly Part[], rest: AsyncGenerator<Part>): AsyncGenerator<Part> {
  yield* first;
  yield* rest;
}

/**
 * Stores a stream of unknown length: small ones in one request, large ones in parts. What is sent stays in memory until COS has it, so that
 * each request can be made again. Throws what the stream throws, `ObjectTooLargeError`, and the client's errors; then nothing is left.
 */
export const upload = async (
  client: CosClient,
  crc: Crc64,
  object: ObjectName,
  body: Readable,
  { maxBytes, signal: asked }: { readonly maxBytes: number; readonly signal: AbortSignal | undefined },
): Promise<StoredObject> => {
  const failed = new AbortController();
  const signal = asked === undefined ? failed.signal : AbortSignal.any([asked, failed.signal]);
  addAbortSignal(signal, body);
  const parts = partsOf(body, crc, { partBytes: PART_BYTES, maxBytes: Math.min(maxBytes, PART_BYTES * MAX_PARTS) });
  const reader = parts.read();
  const first = await reader.next();
  const second = await reader.next();
  if (first.done) throw new TypeError('a stream has at least one part');
  if (second.done) {
    await client.call({ ...object, method: 'PUT', body: first.value.data }, { signal, crc64: first.value.crc64 });
    return parts.total();
  }
  const multipart = await startMultipart(client, object, signal);
  try {
    const send = async (number: number, part: Part): Promise<void> => {
      await multipart.sendPart(number, part);
      parts.release(part);
    };
    await sendAll(chain([first.value, second.value], reader), send, () => failed.abort());
    await multipart.complete();
    return parts.total();
  } catch (error) {
    await multipart.abort();
    throw error;
  }
};

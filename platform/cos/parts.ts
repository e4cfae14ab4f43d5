import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { ObjectTooLargeError, type StoredObject } from '../../tasks/ports/object-store.ts';
import type { Crc64 } from './crc64.ts';

/** Most objects are small; the first part's buffer grows from this as it fills. */
const FIRST_BYTES = 64 * 1024;

/** A piece of a stream that can be sent as often as it has to be. */
export interface Part {
  readonly data: Buffer;
  readonly crc64: bigint;
}

export interface Parts {
  /** Parts of exactly `partBytes`, the last one shorter; a stream of no bytes is one empty part. Throws `ObjectTooLargeError` and whatever the stream throws. */
  read(): AsyncGenerator<Part>;
  /** Takes a part's buffer back for another one. */
  release(part: Part): void;
  /** What has been read so far. */
  total(): StoredObject;
}

/** Cuts a stream of unknown length into parts, hashing on the way. Holds one part; the others are with who reads. */
export const partsOf = (body: Readable, crc: Crc64, limits: { readonly partBytes: number; readonly maxBytes: number }): Parts => {
  const { partBytes, maxBytes } = limits;
  const sha256 = createHash('sha256');
  const spare: Buffer<ArrayBufferLike>[] = [];
  let sizeBytes = 0;
  let buffer: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  let filled = 0;
  let crc64 = 0n;

  /** Room for at least one byte more. */
  const makeRoom = (): void => {
    if (filled < buffer.length) return;
    const size = sizeBytes < partBytes ? Math.min(Math.max(FIRST_BYTES, filled * 2), partBytes) : partBytes;
    const roomier = spare.pop() ?? Buffer.allocUnsafeSlow(size);
    buffer.copy(roomier, 0, 0, filled);
    buffer = roomier;
  };
  const take = (): Part => {
    const part = { data: buffer.subarray(0, filled), crc64 };
    buffer = Buffer.alloc(0);
    filled = 0;
    crc64 = 0n;
    return part;
  };

  return {
    async *read() {
      for await (const piece of body as AsyncIterable<Buffer | string>) {
        const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece;
        if (sizeBytes + chunk.length > maxBytes) throw new ObjectTooLargeError(maxBytes);
        for (let at = 0; at < chunk.length; ) {
          if (filled === partBytes) yield take();
          makeRoom();
          const bytes = chunk.subarray(at, at + buffer.length - filled);
          bytes.copy(buffer, filled);
          sha256.update(bytes);
          crc64 = crc.update(crc64, bytes);
          filled += bytes.length;
          sizeBytes += bytes.length;
          at += bytes.length;
        }
      }
      yield take();
    },
    release: ({ data }) => {
      if (data.buffer.byteLength === partBytes) spare.push(Buffer.from(data.buffer));
    },
    total: () => ({ sizeBytes, sha256: sha256.copy().digest('hex') }),
  };
};

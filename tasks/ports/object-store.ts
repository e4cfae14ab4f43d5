import type { Readable } from 'node:stream';

export interface StoredObject {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface LinkOptions {
  readonly expiresInMs: number;
  readonly filename: string;
  readonly contentType: string;
}

/** Thrown by `put` when the stream is longer than `maxBytes`; nothing is left behind. */
export class ObjectTooLargeError extends Error {
  override readonly name = 'ObjectTooLargeError';
  readonly maxBytes: number;
  constructor(maxBytes: number) {
    super(`the object is larger than ${maxBytes} bytes`);
    this.maxBytes = maxBytes;
  }
}

/** Thrown by stores that can't answer now; asking again later may succeed. A stream of `get` may end with it, too. */
export class ObjectStoreUnavailableError extends Error {
  override readonly name = 'ObjectStoreUnavailableError';
}

/** Thrown by stores that refuse what they are asked for until an operator mends what the message names. */
export class ObjectStoreRefusedError extends Error {
  override readonly name = 'ObjectStoreRefusedError';
}

/** Streams in and out with flat memory. An object is whole or absent, never half. */
export interface ObjectStore {
  put(key: string, body: Readable, options?: { readonly maxBytes?: number; readonly signal?: AbortSignal }): Promise<StoredObject>;
  /** Null where there is no such object. The caller reads to the end or destroys the stream. */
  get(key: string, options?: { readonly signal?: AbortSignal }): Promise<{ readonly sizeBytes: number; readonly body: Readable } | null>;
  stat(key: string): Promise<{ readonly sizeBytes: number } | null>;
  /** Deletes everything whose key starts with `prefix`, which ends in `/`. Nothing there: fine. */
  deletePrefix(prefix: string): Promise<void>;
  /** A link that works without any credential until it expires. */
  presign(key: string, options: LinkOptions): Promise<string>;
}

import { fstatSync, readSync } from 'node:fs';
import { RandomAccessReader } from 'yauzl';

const WINDOW_BYTES = 1024 * 1024;

/**
 * Reads a file in windows, because the directory of a zip is asked for in pieces of a few bytes, hundreds of thousands of them.
 * A subclass, since that is how yauzl takes a reader.
 */
export class WindowedReader extends RandomAccessReader {
  readonly sizeBytes: number;
  readonly fd: number;
  #window: Buffer = Buffer.alloc(0);
  #start = 0;

  /** The caller keeps the descriptor and closes it. */
  constructor(fd: number) {
    super();
    this.fd = fd;
    this.sizeBytes = fstatSync(fd).size;
  }

  /** The bytes from `position` on, valid until the next call; fewer than `length` at the end of the file. */
  bytes(position: number, length: number): Buffer {
    if (position < this.#start || position + length > this.#start + this.#window.length) {
      const window = Buffer.allocUnsafe(Math.max(WINDOW_BYTES, length));
      this.#start = position;
      this.#window = window.subarray(0, readSync(this.fd, window, 0, window.length, position));
    }
    return this.#window.subarray(position - this.#start, position - this.#start + length);
  }

  override read(buffer: Buffer, offset: number, length: number, position: number, callback: (error: Error | null) => void): void {
    const found = this.bytes(position, length);
    found.copy(buffer, offset);
    callback(found.length < length ? new Error('the file ends too early') : null);
  }

  override close(callback: (error: Error | null) => void): void {
    callback(null);
  }
}

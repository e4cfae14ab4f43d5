import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import type { StoredBlob } from './gateway-client.ts';

/** More was written to a file than it may hold. */
export class FileTooLargeError extends Error {
  override readonly name = 'FileTooLargeError';
}

export interface ScratchFile {
  /** Throws `FileTooLargeError` above the cap. */
  write(chunk: Buffer): Promise<void>;
  /** Closes the file and names its content. */
  seal(): Promise<StoredBlob>;
  /** Closes and removes the file. */
  discard(): Promise<void>;
}

/** A file of the sidecar's own whose hash is known when it is closed. */
export const openScratchFile = async (path: string, maxBytes: number): Promise<ScratchFile> => {
  const file = await open(path, 'w', 0o600);
  const hash = createHash('sha256');
  let sizeBytes = 0;
  return {
    write: async (chunk) => {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw new FileTooLargeError(`is over ${maxBytes} bytes`);
      hash.update(chunk);
      await file.writeFile(chunk);
    },
    seal: async () => {
      await file.close();
      return { blob: { sha256: hash.digest('hex'), size_bytes: sizeBytes }, path };
    },
    discard: async () => {
      await file.close();
      await rm(path, { force: true });
    },
  };
};

/** Names a file that the sidecar itself wrote. */
export const nameFile = async (path: string): Promise<StoredBlob> => {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { blob: { sha256: hash.digest('hex'), size_bytes: sizeBytes }, path };
};

import { createHash, randomUUID } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Crc64 } from '../../../platform/cos/crc64.ts';

/** Bytes in a file, as they came in. */
export interface StoredFile {
  readonly file: string;
  readonly sizeBytes: number;
  readonly md5: string;
  readonly crc64: string;
}

/** An object: one file, or those of its parts in order. */
export interface StoredObject {
  readonly key: string;
  readonly files: readonly StoredFile[];
  readonly sizeBytes: number;
  readonly etag: string;
  readonly crc64: string;
  readonly contentType: string;
  readonly modifiedAt: number;
}

/** A range of an object's bytes, file after file. All are open before it returns: who reads keeps what he opened, whatever is stored meanwhile. */
export const openObject = (folder: string, { files }: StoredObject, start: number, end: number): AsyncGenerator<Buffer> => {
  let before = 0;
  const streams = files.flatMap(({ file, sizeBytes }) => {
    const [from, to] = [Math.max(start - before, 0), Math.min(end - before, sizeBytes) - 1];
    before += sizeBytes;
    if (from > to) return [];
    // Destroyed, a stream closes its file, and nobody else does.
    return [createReadStream('', { fd: openSync(join(folder, file), 'r'), start: from, end: to, highWaterMark: 256 * 1024 })];
  });
  const read = async function* (): AsyncGenerator<Buffer> {
    try {
      for (const stream of streams) yield* stream;
    } finally {
      for (const stream of streams) stream.destroy();
    }
  };
  return read();
};

/** One bucket's objects in a folder: bytes in files of random names, what they are in small JSON files, so that a killed server finds them again. */
export const createBucketFiles = (root: string, crc: Crc64) => {
  const [data, meta] = [join(root, 'data'), join(root, 'meta')];
  for (const folder of [data, meta]) mkdirSync(folder, { recursive: true });
  const objects = new Map<string, StoredObject>();
  for (const name of readdirSync(meta).filter((entry) => entry.endsWith('.json'))) {
    const object: StoredObject = JSON.parse(readFileSync(join(meta, name), 'utf8'));
    objects.set(object.key, object);
  }
  const metaFile = (key: string): string => join(meta, `${createHash('sha256').update(key).digest('hex')}.json`);
  const removeFiles = (files: readonly StoredFile[]): void => {
    for (const { file } of files) rmSync(join(data, file), { force: true });
  };

  return {
    data,
    objects,
    /** Stores the bytes in a new file; nothing stays of a body that breaks. */
    write: async (body: AsyncIterable<Buffer>): Promise<StoredFile> => {
      const file = randomUUID();
      const md5 = createHash('md5');
      let [crc64, sizeBytes] = [0n, 0];
      try {
        await pipeline(
          body,
          async function* (chunks: AsyncIterable<Buffer>) {
            for await (const chunk of chunks) {
              md5.update(chunk);
              crc64 = crc.update(crc64, chunk);
              sizeBytes += chunk.length;
              yield chunk;
            }
          },
          createWriteStream(join(data, file)),
        );
      } catch (error) {
        rmSync(join(data, file), { force: true });
        throw error;
      }
      return { file, sizeBytes, md5: md5.digest('hex'), crc64: crc64.toString() };
    },
    removeFiles,
    /** Makes the object visible, in place of the one before. */
    commit: (object: StoredObject): void => {
      const draft = join(meta, randomUUID());
      writeFileSync(draft, JSON.stringify(object));
      renameSync(draft, metaFile(object.key));
      const before = objects.get(object.key);
      objects.set(object.key, object);
      if (before !== undefined) removeFiles(before.files);
    },
    remove: (key: string): void => {
      const before = objects.get(key);
      if (before === undefined) return;
      rmSync(metaFile(key), { force: true });
      objects.delete(key);
      removeFiles(before.files);
    },
  };
};
export type BucketFiles = ReturnType<typeof createBucketFiles>;

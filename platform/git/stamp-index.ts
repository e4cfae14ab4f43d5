import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';

/** Index format version 2: a header, then for each file ten numbers of `stat`, its id, flags and name, padded to a multiple of eight. */
const HEADER_BYTES = 12;
const MTIME = 8;
const SIZE = 36;
const STAT_BYTES = 40;
const FLAGS_BYTES = 2;
const NAME_BYTES_MASK = 0xfff;

export interface IndexStamp {
  /** The index, as git has written it; of version 2. */
  readonly file: string;
  readonly objectFormat: 'sha1' | 'sha256';
  /** When every file was last changed, in seconds since 1970. */
  readonly changedAt: number;
  /** Of every file, in the index's order. */
  readonly sizes: readonly number[];
}

/**
 * Tells an index that its files stand in the work tree, unchanged: their times and sizes are all that git looks at with
 * `core.checkStat=minimal`. So a work tree that is made by unpacking needs neither a checkout before nor a refresh after.
 */
export const stampIndex = async ({ file, objectFormat, changedAt, sizes }: IndexStamp): Promise<void> => {
  const index = await readFile(file);
  const idBytes = objectFormat === 'sha256' ? 32 : 20;
  if (index.readUInt32BE(4) !== 2 || index.readUInt32BE(8) !== sizes.length)
    throw new Error('the index is not as git was asked to write it');
  let place = HEADER_BYTES;
  for (const size of sizes) {
    index.writeUInt32BE(changedAt % 2 ** 32, place + MTIME);
    index.writeUInt32BE(size % 2 ** 32, place + SIZE);
    const name = place + STAT_BYTES + idBytes + FLAGS_BYTES;
    const declared = index.readUInt16BE(name - FLAGS_BYTES) & NAME_BYTES_MASK;
    const nameEnd = declared < NAME_BYTES_MASK ? name + declared : index.indexOf(0, name);
    place += (nameEnd - place + 8) & ~7;
  }
  const end = index.length - idBytes;
  createHash(objectFormat).update(index.subarray(0, end)).digest().copy(index, end);
  await writeFile(file, index);
};

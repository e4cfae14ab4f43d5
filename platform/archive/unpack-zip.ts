import { closeSync, mkdirSync, openSync, symlinkSync, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { fromRandomAccessReaderPromise } from 'yauzl';
import { FailureError } from '../../tasks/failure.ts';
import type { CodeMeter } from '../git/code-meter.ts';
import { escapesTree } from './link-targets.ts';
import { WindowedReader } from './windowed-reader.ts';
import { readContent } from './zip-content.ts';
import { unsafe } from './zip-member.ts';
import { type PlannedMember, planZip } from './zip-plan.ts';

const LINK_TARGET_BYTES = 4096;
/** Linux takes 4096 bytes with the final NUL, the folder's own path included. */
const PLACE_BYTES = 4095;
const MEMBERS_PER_TURN = 64;

export interface UnpackOptions {
  /** An empty folder. */
  readonly folder: string;
  readonly meter: CodeMeter;
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number) => void;
}

/**
 * Unpacks a zip of unknown origin. The whole directory is checked before a byte is written; sizes are counted as really inflated
 * and never above what was declared; links are made last, so nothing is written through one. Names stay as they are, byte for byte;
 * of modes only the executable bit is kept. Answers with the number of files and links.
 */
export const unpackZip = async (file: string, options: UnpackOptions): Promise<number> => {
  const fd = openSync(file, 'r');
  try {
    const reader = new WindowedReader(fd);
    const members = await readPlan(reader, options.meter);
    return await writeMembers(reader, members, options);
  } finally {
    closeSync(fd);
  }
};

const readPlan = async (reader: WindowedReader, meter: CodeMeter): Promise<readonly PlannedMember[]> => {
  try {
    // Names are decoded by `readMember`, sizes are checked while they are read.
    const zip = await fromRandomAccessReaderPromise(reader, reader.sizeBytes, { decodeStrings: false, validateEntrySizes: false });
    return await planZip(zip.eachEntry(), meter);
  } catch (error) {
    if (error instanceof FailureError) throw error;
    throw new FailureError('ARCHIVE_INVALID', 'the file is not a zip, or it is cut off or damaged', { cause: error });
  }
};

const writeMembers = async (
  reader: WindowedReader,
  members: readonly PlannedMember[],
  { folder, signal, onProgress }: UnpackOptions,
): Promise<number> => {
  const root = Buffer.from(`${folder}/`);
  const placeOf = (path: string): Buffer => {
    const place = Buffer.concat([root, Buffer.from(path, 'latin1')]);
    if (place.length > PLACE_BYTES) throw new FailureError('SOURCE_TOO_LARGE', 'a path is longer than this station can write');
    return place;
  };
  const links = new Map<string, string>();
  const folders = new Set<string>();
  const makeFolder = (path: string): void => {
    if (path === '' || folders.has(path)) return;
    folders.add(path);
    mkdirSync(placeOf(path), { recursive: true });
  };
  let files = 0;
  let bytes = 0;
  for (const [index, member] of members.entries()) {
    // Small members are handled without waiting; the process has other things to do too.
    if (index % MEMBERS_PER_TURN === 0) {
      await setImmediate();
      signal.throwIfAborted();
      onProgress(bytes);
    }
    if (member.kind === 'folder') {
      makeFolder(member.path);
      continue;
    }
    files += 1;
    makeFolder(member.path.slice(0, Math.max(0, member.path.lastIndexOf('/'))));
    if (member.kind === 'link') links.set(member.path, await readLink(reader, member, signal));
    else await writeFile(reader, member, placeOf(member.path), signal);
    bytes += member.sizeBytes;
  }
  for (const path of links.keys()) if (escapesTree(path, links)) throw unsafe(path, 'is a link that leads out of the archive');
  for (const [path, target] of links) symlinkSync(Buffer.from(target, 'latin1'), placeOf(path));
  return files;
};

/** Reads one member to its end and checks that it is what it was declared to be. */
const readChecked = async (
  reader: WindowedReader,
  member: PlannedMember,
  signal: AbortSignal,
  write: (chunk: Buffer) => void,
): Promise<void> => {
  let checksum = 0;
  let bytes = 0;
  await readContent(reader, member, signal, (chunk) => {
    checksum = crc32(chunk, checksum);
    bytes += chunk.length;
    write(chunk);
  });
  if (bytes !== member.sizeBytes) throw unsafe(member.path, `declares ${member.sizeBytes} bytes and holds ${bytes}`);
  if (checksum !== member.crc32) throw new FailureError('ARCHIVE_INVALID', 'the zip is damaged: a checksum does not match');
};

const readLink = async (reader: WindowedReader, member: PlannedMember, signal: AbortSignal): Promise<string> => {
  if (member.sizeBytes === 0 || member.sizeBytes >= LINK_TARGET_BYTES) throw unsafe(member.path, 'is a link with no usable target');
  let target = '';
  await readChecked(reader, member, signal, (chunk) => {
    target += chunk.toString('latin1');
  });
  if (target.includes('\0')) throw unsafe(member.path, 'is a link with a NUL in its target');
  return target;
};

const writeFile = async (reader: WindowedReader, member: PlannedMember, place: Buffer, signal: AbortSignal): Promise<void> => {
  const fd = openSync(place, 'wx', member.executable ? 0o755 : 0o644);
  try {
    await readChecked(reader, member, signal, (chunk) => {
      for (let written = 0; written < chunk.length; ) written += writeSync(fd, chunk, written);
    });
  } finally {
    closeSync(fd);
  }
};

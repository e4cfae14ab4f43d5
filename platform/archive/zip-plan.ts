import type { Entry } from 'yauzl';
import { FailureError } from '../../tasks/failure.ts';
import type { CodeMeter } from '../git/code-meter.ts';
import { isGitPath, readMember, unsafe, type ZipMember } from './zip-member.ts';

/** Code shrinks by 3 to 20; more than this over a sizeable archive is no code. */
const MAX_RATIO = 200;
const RATIO_FREE_BYTES = 64 * 1024 * 1024;

export const LOCAL_HEADER_BYTES = 30;
export const DEFLATED = 8;
const STORED = 0;

/** A member that will be unpacked, and where its data is. */
export interface PlannedMember extends ZipMember {
  readonly headerStart: number;
  readonly packedBytes: number;
  readonly sizeBytes: number;
  readonly crc32: number;
  readonly method: number;
}

/**
 * Reads the whole directory of an archive, before a byte is written, into what there is to unpack: without git's own folders, and
 * without the one top folder that many tools put around everything. Throws ARCHIVE_UNSAFE for overlapping entries, bombs and
 * names that occur twice or as file and folder; ARCHIVE_INVALID for encryption and unknown compression; SOURCE_TOO_LARGE by the meter.
 */
export const planZip = async (entries: AsyncIterable<Entry>, meter: CodeMeter): Promise<readonly PlannedMember[]> => {
  const members: PlannedMember[] = [];
  const kinds = new Map<string, ZipMember['kind']>();
  const ranges: [start: number, end: number][] = [];
  const tops = new Set<string>();
  let declaredBytes = 0;
  let packedBytes = 0;
  for await (const entry of entries) {
    const member = readMember(entry);
    checkMethod(entry);
    const start = entry.relativeOffsetOfLocalHeader;
    ranges.push([start, start + LOCAL_HEADER_BYTES + entry.fileNameLength + entry.compressedSize]);
    declaredBytes += entry.uncompressedSize;
    packedBytes += entry.compressedSize;
    if (declaredBytes > RATIO_FREE_BYTES && declaredBytes > MAX_RATIO * packedBytes) {
      throw new FailureError('ARCHIVE_UNSAFE', `the zip unpacks to more than ${MAX_RATIO} times its size`);
    }
    if (member.path === '') continue;
    tops.add(member.path.includes('/') || member.kind === 'folder' ? `${member.path.split('/', 1)[0]}/` : member.path);
    if (isGitPath(member.path)) continue;
    register(member, kinds);
    meter.add(member.path, entry.uncompressedSize);
    members.push({
      ...member,
      headerStart: start,
      packedBytes: entry.compressedSize,
      sizeBytes: entry.uncompressedSize,
      crc32: entry.crc32,
      method: entry.compressionMethod,
    });
  }
  checkOverlaps(ranges);
  const [top = ''] = tops;
  if (tops.size !== 1 || !top.endsWith('/')) return members;
  return members.filter(({ path }) => path.length > top.length).map((member) => ({ ...member, path: member.path.slice(top.length) }));
};

const checkMethod = (entry: Entry): void => {
  if (entry.isEncrypted()) throw new FailureError('ARCHIVE_INVALID', 'the zip is encrypted');
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED) {
    throw new FailureError('ARCHIVE_INVALID', `the zip uses compression method ${entry.compressionMethod}; only deflate is supported`);
  }
};

/** Notes a member and its folders; a folder may be named again, nothing else may. */
const register = ({ path, kind }: ZipMember, kinds: Map<string, ZipMember['kind']>): void => {
  const known = kinds.get(path);
  if (known !== undefined && !(known === 'folder' && kind === 'folder')) throw unsafe(path, 'occurs twice');
  kinds.set(path, kind);
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const folder = path.slice(0, end);
    const knownFolder = kinds.get(folder);
    if (knownFolder === 'folder') return;
    if (knownFolder !== undefined) throw unsafe(path, `lies below a ${knownFolder} of the archive`);
    kinds.set(folder, 'folder');
  }
};

/** Entries that share bytes are how a small archive holds a large one; no tool makes them. */
const checkOverlaps = (ranges: [start: number, end: number][]): void => {
  ranges.sort(([a], [b]) => a - b);
  let end = 0;
  for (const [start, nextEnd] of ranges) {
    if (start < end) throw new FailureError('ARCHIVE_UNSAFE', 'entries of the zip overlap');
    end = nextEnd;
  }
};

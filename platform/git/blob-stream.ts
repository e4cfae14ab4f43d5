import { setImmediate } from 'node:timers/promises';
import { escapesTree } from '../archive/link-targets.ts';
import type { OpenZip } from '../archive/open-zip.ts';
import { unsafe } from '../archive/zip-member.ts';
import type { PlannedMember } from '../archive/zip-plan.ts';

const LINK_TARGET_BYTES = 4096;
const BATCH_BYTES = 256 * 1024;
const MEMBERS_PER_TURN = 64;

export interface BlobStreamOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number) => void;
}

/**
 * Files and links of a zip as commands for `git fast-import`: one blob each, marked by its place in `blobs`, from 1. Git is told of the
 * end only after every byte and every link has been checked.
 */
export async function* blobStream(zip: OpenZip, blobs: readonly PlannedMember[], options: BlobStreamOptions): AsyncGenerator<Buffer> {
  let batch: Buffer[] = [];
  let batchBytes = 0;
  for await (const piece of commands(zip, blobs, options)) {
    batch.push(piece);
    batchBytes += piece.length;
    if (batchBytes < BATCH_BYTES) continue;
    yield Buffer.concat(batch);
    batch = [];
    batchBytes = 0;
  }
  yield Buffer.concat(batch);
}

async function* commands(zip: OpenZip, blobs: readonly PlannedMember[], { signal, onProgress }: BlobStreamOptions): AsyncGenerator<Buffer> {
  const links = new Map<string, string>();
  let bytes = 0;
  for (const [index, member] of blobs.entries()) {
    // Small members are handled without waiting; the process has other things to do too.
    if (index % MEMBERS_PER_TURN === 0) {
      await setImmediate();
      signal.throwIfAborted();
      onProgress(bytes);
    }
    yield Buffer.from(`blob\nmark :${index + 1}\ndata ${member.sizeBytes}\n`);
    if (member.kind === 'link') {
      const target = await readLink(zip, member, signal);
      links.set(member.path, target.toString('latin1'));
      yield target;
    } else {
      yield* zip.read(member, signal);
    }
    yield Buffer.from('\n');
    bytes += member.sizeBytes;
  }
  for (const path of links.keys()) if (escapesTree(path, links)) throw unsafe(path, 'is a link that leads out of the archive');
  yield Buffer.from('done\n');
}

const readLink = async (zip: OpenZip, member: PlannedMember, signal: AbortSignal): Promise<Buffer> => {
  if (member.sizeBytes === 0 || member.sizeBytes >= LINK_TARGET_BYTES) throw unsafe(member.path, 'is a link with no usable target');
  const chunks: Buffer[] = [];
  for await (const chunk of zip.read(member, signal)) chunks.push(chunk);
  const target = Buffer.concat(chunks);
  if (target.includes(0)) throw unsafe(member.path, 'is a link with a NUL in its target');
  return target;
};

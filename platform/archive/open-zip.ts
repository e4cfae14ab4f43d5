import { closeSync, openSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { fromRandomAccessReaderPromise } from 'yauzl';
import { FailureError } from '../../tasks/failure.ts';
import type { CodeMeter } from '../git/code-meter.ts';
import { WindowedReader } from './windowed-reader.ts';
import { readContent } from './zip-content.ts';
import { unsafe } from './zip-member.ts';
import { type PlannedMember, planZip } from './zip-plan.ts';

export interface OpenZip {
  /** What there is to unpack, in the archive's order. */
  readonly members: readonly PlannedMember[];
  /** The bytes of one member: exactly as many as it declares, with its checksum, or it throws at the end. */
  read(member: PlannedMember, signal: AbortSignal): AsyncGenerator<Buffer>;
}

/** Opens a zip of unknown origin for as long as `use` lasts. Its whole directory has been checked by then, and no content. */
export const openZip = async <T>(file: string, meter: CodeMeter, use: (zip: OpenZip) => Promise<T>): Promise<T> => {
  const fd = openSync(file, 'r');
  try {
    const reader = new WindowedReader(fd);
    return await use({ members: await readPlan(reader, meter), read: (member, signal) => readChecked(reader, member, signal) });
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

async function* readChecked(reader: WindowedReader, member: PlannedMember, signal: AbortSignal): AsyncGenerator<Buffer> {
  let checksum = 0;
  let bytes = 0;
  for await (const chunk of readContent(reader, member, signal)) {
    checksum = crc32(chunk, checksum);
    bytes += chunk.length;
    yield chunk;
  }
  if (bytes !== member.sizeBytes) throw unsafe(member.path, `declares ${member.sizeBytes} bytes and holds ${bytes}`);
  if (checksum !== member.crc32) throw new FailureError('ARCHIVE_INVALID', 'the zip is damaged: a checksum does not match');
}

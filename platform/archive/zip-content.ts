import { createReadStream } from 'node:fs';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw, inflateRawSync } from 'node:zlib';
import { FailureError } from '../../tasks/failure.ts';
import type { WindowedReader } from './windowed-reader.ts';
import { unsafe } from './zip-member.ts';
import { DEFLATED, LOCAL_HEADER_BYTES, type PlannedMember } from './zip-plan.ts';

/** Members up to this size are inflated at once: a stream for each of 100,000 small files costs ten times their work. */
const AT_ONCE_BYTES = 1024 * 1024;

const LOCAL_SIGNATURE = 0x04034b50;

const invalid = (cause: unknown): FailureError => new FailureError('ARCHIVE_INVALID', 'the zip is damaged', { cause });

const dataStartOf = (reader: WindowedReader, member: PlannedMember): number => {
  const header = reader.bytes(member.headerStart, LOCAL_HEADER_BYTES);
  if (header.length < LOCAL_HEADER_BYTES || header.readUInt32LE(0) !== LOCAL_SIGNATURE) throw invalid('no local header');
  return member.headerStart + LOCAL_HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
};

const hasField = <K extends string>(error: unknown, field: K): error is Record<K, unknown> =>
  typeof error === 'object' && error !== null && field in error;

const inflateAtOnce = (packed: Buffer, member: PlannedMember): Buffer => {
  try {
    return inflateRawSync(packed, { maxOutputLength: member.sizeBytes + 1 });
  } catch (error) {
    if (hasField(error, 'code') && error.code === 'ERR_BUFFER_TOO_LARGE') throw unsafe(member.path, 'holds more bytes than it declares');
    throw invalid(error);
  }
};

/** Whether an error is the operating system's, so not the archive's fault. */
const isSystemError = (error: unknown): boolean => hasField(error, 'syscall');

/**
 * The really inflated bytes of one member, in order, and no more than it declares.
 * Throws ARCHIVE_UNSAFE where there are more, ARCHIVE_INVALID where the data is damaged.
 */
export async function* readContent(reader: WindowedReader, member: PlannedMember, signal: AbortSignal): AsyncGenerator<Buffer> {
  const start = dataStartOf(reader, member);
  if (start + member.packedBytes > reader.sizeBytes) throw invalid('data beyond the end');
  const deflated = member.method === DEFLATED;
  if (member.packedBytes <= AT_ONCE_BYTES && member.sizeBytes <= AT_ONCE_BYTES) {
    const packed = reader.bytes(start, member.packedBytes);
    yield deflated ? inflateAtOnce(packed, member) : packed;
    return;
  }
  const source = createReadStream('', { fd: reader.fd, autoClose: false, start, end: start + member.packedBytes - 1 });
  const content = deflated ? createInflateRaw() : new PassThrough();
  // The pipeline destroys `content` with whatever goes wrong, which is where the loop hears of it.
  const piped = pipeline(source, content, { signal }).catch(() => {});
  let bytes = 0;
  try {
    for await (const chunk of content as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > member.sizeBytes) throw unsafe(member.path, 'holds more bytes than it declares');
      yield chunk;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof FailureError || isSystemError(error) ? error : invalid(error);
  } finally {
    // The descriptor is the caller's: nothing may read from it any more once this ends.
    await piped;
  }
}

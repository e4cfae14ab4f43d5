import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FailureError } from '../../tasks/failure.ts';
import type { StationLimits } from '../../tasks/limits.ts';
import { openZip } from '../archive/open-zip.ts';
import { createCodeMeter } from './code-meter.ts';
import { commitZip } from './commit-zip.ts';
import { isFolderInside } from './folder-inside.ts';
import type { Git } from './git.ts';
import { initRepository } from './init-repository.ts';

export interface ImportOptions {
  readonly git: Git;
  /** An empty folder of the caller's; the code ends up in `code/` below it. */
  readonly folder: string;
  readonly zip: Readable;
  readonly subfolder: string | undefined;
  readonly limits: StationLimits;
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number) => void;
  readonly timeoutMs: number;
}

/** Unpacks a zip within the limits and makes it the one base commit of a new repository, ignored files included. */
export const importZip = async (options: ImportOptions): Promise<{ readonly code: string; readonly files: number }> => {
  const { folder, limits, signal, onProgress } = options;
  const file = join(folder, 'code.zip');
  const code = join(folder, 'code');
  await saveZip(options.zip, file, limits.zipBytes, signal, onProgress);
  await initRepository(options.git, code, 'sha1', signal);
  const files = await openZip(file, createCodeMeter(limits), (zip) =>
    commitZip(zip, { ...options, repository: code, marks: join(folder, 'marks') }),
  );
  await rm(file);
  if (options.subfolder !== undefined && !(await isFolderInside(code, options.subfolder))) {
    throw new FailureError('SOURCE_NOT_FOUND', `the zip has no folder ${JSON.stringify(options.subfolder)}`);
  }
  return { code, files };
};

const saveZip = async (
  zip: Readable,
  file: string,
  maxBytes: number,
  signal: AbortSignal,
  onProgress: (bytes: number) => void,
): Promise<void> => {
  let bytes = 0;
  const counted = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new FailureError('SOURCE_TOO_LARGE', `the zip is larger than ${maxBytes} bytes`);
      onProgress(bytes);
      yield chunk;
    }
  };
  await pipeline(zip, counted, createWriteStream(file, { flags: 'wx' }), { signal });
};

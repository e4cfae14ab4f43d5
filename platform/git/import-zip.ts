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
import type { Git } from './git.ts';
import { initRepository } from './init-repository.ts';
import type { PreparedRepository } from './pack-repository.ts';
import { subfolderPrefix } from './subfolder.ts';

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

/** Makes a zip, within the limits, the one base commit of a new repository, ignored files included, with all ready but the work tree. */
export const importZip = async (options: ImportOptions): Promise<PreparedRepository> => {
  const { folder, limits, signal, onProgress } = options;
  const file = join(folder, 'code.zip');
  const code = join(folder, 'code');
  await saveZip(options.zip, file, limits.zipBytes, signal, onProgress);
  await initRepository(options.git, code, 'sha1', signal);
  const prefix = subfolderPrefix(options.subfolder);
  const committed = await openZip(file, createCodeMeter(limits), async (zip) => {
    const repository = await commitZip(zip, { ...options, repository: code, marks: join(folder, 'marks') });
    if (zip.members.some(({ path, kind }) => (kind === 'folder' ? `${path}/` : path).startsWith(prefix))) return repository;
    throw new FailureError('SOURCE_NOT_FOUND', `the zip has no folder ${JSON.stringify(options.subfolder)}`);
  });
  await rm(file);
  return { code, ...committed };
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

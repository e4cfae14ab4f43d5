import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FailureError } from '../../tasks/failure.ts';
import type { StationLimits } from '../../tasks/limits.ts';
import { unpackZip } from '../archive/unpack-zip.ts';
import { createCodeMeter } from './code-meter.ts';
import { isFolderInside } from './folder-inside.ts';
import type { Git } from './git.ts';
import { initRepository } from './init-repository.ts';

/** The same zip gives the same base commit, wherever and whenever it is imported. */
const AUTHOR = {
  GIT_AUTHOR_NAME: 'Codebay',
  GIT_AUTHOR_EMAIL: 'codebay@localhost',
  GIT_AUTHOR_DATE: '2000-01-01T00:00:00Z',
  GIT_COMMITTER_NAME: 'Codebay',
  GIT_COMMITTER_EMAIL: 'codebay@localhost',
  GIT_COMMITTER_DATE: '2000-01-01T00:00:00Z',
};

/** Every blob counts as big, so all go straight into one pack, which is many times faster than a file for each. */
const ONE_PACK = ['core.bigFileThreshold=1', 'core.compression=1'];
/** What a tree may hold is decided while unpacking; names that only other systems can't take are fine here. */
const ANY_NAME = ['core.protectNTFS=false', 'core.protectHFS=false'];

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
  const { git, folder, limits, signal, onProgress, timeoutMs } = options;
  const file = join(folder, 'code.zip');
  const code = join(folder, 'code');
  await saveZip(options.zip, file, limits.zipBytes, signal, onProgress);
  await initRepository(git, code, 'sha1', signal);
  const files = await unpackZip(file, { folder: code, meter: createCodeMeter(limits), signal, onProgress });
  await rm(file);
  if (files === 0) throw new FailureError('SOURCE_EMPTY', 'the zip holds no files');
  if (options.subfolder !== undefined && !(await isFolderInside(code, options.subfolder))) {
    throw new FailureError('SOURCE_NOT_FOUND', `the zip has no folder ${JSON.stringify(options.subfolder)}`);
  }
  const command = { cwd: code, signal, timeoutMs, env: AUTHOR };
  await git(['add', '--all', '--force', '--', '.'], { ...command, config: [...ONE_PACK, ...ANY_NAME] });
  await git(['commit', '--quiet', '--no-verify', '--no-gpg-sign', '--message=Import of code.zip'], { ...command, config: ANY_NAME });
  await rm(join(code, '.git', 'logs'), { recursive: true, force: true });
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

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../tasks/failure.ts';
import type { StationLimits } from '../../tasks/limits.ts';
import { blameSource } from './blame-source.ts';
import { createCodeMeter } from './code-meter.ts';
import { fetchCommit, objectFormatOf } from './fetch-commit.ts';
import type { Git } from './git.ts';
import { initRepository } from './init-repository.ts';
import { listTree } from './list-tree.ts';
import type { Remote } from './remote.ts';

export interface CheckoutOptions {
  readonly git: Git;
  /** An empty folder of the caller's; the code ends up in `code/` below it. */
  readonly folder: string;
  readonly remote: Remote;
  readonly commit: string;
  readonly subfolder: string | undefined;
  readonly limits: StationLimits;
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number) => void;
  readonly timeoutMs: number;
}

/**
 * Checks out one commit into `folder/code`, within the limits, and answers with its number of files. Bytes, modes and
 * symlinks are as committed; links are made but never followed; submodules stay empty and LFS pointers stay pointers.
 */
export const checkoutCommit = async (options: CheckoutOptions): Promise<{ readonly code: string; readonly files: number }> => {
  const { git, folder, remote, commit, limits, signal, timeoutMs } = options;
  const code = join(folder, 'code');
  await initRepository(git, code, objectFormatOf(commit), signal);
  await fetchCommit({ ...options, repository: code, spare: join(folder, 'full.git'), maxBytes: limits.unpackedBytes });
  const command = { cwd: code, signal, timeoutMs };
  if ((await git(['cat-file', '-t', commit], command)).trim() !== 'commit') {
    throw new FailureError('SOURCE_NOT_FOUND', `${commit} is not a commit`);
  }
  const meter = createCodeMeter(limits);
  const prefix = options.subfolder === undefined ? '' : `${Buffer.from(options.subfolder).toString('latin1').replace(/\/+$/, '')}/`;
  let subfolderFound = false;
  await listTree(git, commit, command, (path, sizeBytes) => {
    meter.add(path, sizeBytes);
    subfolderFound ||= path.startsWith(prefix);
  });
  if (meter.files === 0) throw new FailureError('SOURCE_EMPTY', 'the commit holds no files');
  if (!subfolderFound) throw new FailureError('SOURCE_NOT_FOUND', `the commit has no files in ${JSON.stringify(options.subfolder)}`);
  try {
    await git(['-c', 'advice.detachedHead=false', 'checkout', '--quiet', '--detach', commit], command);
  } catch (error) {
    throw await blameSource(error, code, 'git could not check the commit out');
  }
  await git(['remote', 'add', 'origin', '--', remote.url], command);
  await rm(join(code, '.git', 'logs'), { recursive: true, force: true });
  return { code, files: meter.files };
};

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
import type { PreparedRepository } from './pack-repository.ts';
import type { Remote } from './remote.ts';
import { subfolderPrefix } from './subfolder.ts';

export interface PrepareOptions {
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
 * Fetches one commit into the repository `folder/code`, within the limits, with everything ready but the work tree. Submodules stay empty
 * and LFS pointers stay pointers. Throws SOURCE_INVALID for paths that git doesn't check out.
 */
export const prepareCommit = async (options: PrepareOptions): Promise<PreparedRepository> => {
  const { git, folder, remote, commit, limits, signal, timeoutMs } = options;
  const code = join(folder, 'code');
  await initRepository(git, code, objectFormatOf(commit), signal);
  await fetchCommit({ ...options, repository: code, spare: join(folder, 'full.git'), maxBytes: limits.unpackedBytes });
  const command = { cwd: code, signal, timeoutMs };
  if ((await git(['cat-file', '-t', commit], command)).trim() !== 'commit') {
    throw new FailureError('SOURCE_NOT_FOUND', `${commit} is not a commit`);
  }
  const meter = createCodeMeter(limits);
  const prefix = subfolderPrefix(options.subfolder);
  const sizes: number[] = [];
  let subfolderFound = false;
  await listTree(git, commit, command, (path, sizeBytes) => {
    meter.add(path, sizeBytes);
    sizes.push(sizeBytes);
    subfolderFound ||= path.startsWith(prefix);
  });
  if (meter.files === 0) throw new FailureError('SOURCE_EMPTY', 'the commit holds no files');
  if (!subfolderFound) throw new FailureError('SOURCE_NOT_FOUND', `the commit has no files in ${JSON.stringify(options.subfolder)}`);
  try {
    await git(['read-tree', commit], command);
  } catch (error) {
    throw await blameSource(error, code, 'git could not check the commit out');
  }
  await git(['update-ref', '--no-deref', 'HEAD', commit], command);
  await git(['remote', 'add', 'origin', '--', remote.url], command);
  await rm(join(code, '.git', 'logs'), { recursive: true, force: true });
  return { code, commit, sizes };
};

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../tasks/failure.ts';
import { blameSource } from './blame-source.ts';
import { diagnoseRemote, speaksGit } from './diagnose.ts';
import { type Git, GitError } from './git.ts';
import { watchPacks } from './pack-watch.ts';
import type { Remote } from './remote.ts';

const FETCH = ['fetch', '--quiet', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head', '--no-auto-maintenance'] as const;

export interface FetchOptions {
  readonly git: Git;
  /** The repository to fetch into; made by the caller. */
  readonly repository: string;
  /** A folder of the caller's for a full copy, where the host gives nothing less. */
  readonly spare: string;
  readonly remote: Remote;
  readonly commit: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number) => void;
  readonly timeoutMs: number;
}

/**
 * Fetches exactly one commit, without its history. Hosts that don't give a commit by its id (protocol version 0 and a
 * commit that is no tip) are asked for all branches and tags, from which the one commit is then taken.
 * Throws SOURCE_NOT_FOUND, SOURCE_TOO_LARGE, SOURCE_INVALID, or what `diagnoseRemote` finds.
 */
export const fetchCommit = async (options: FetchOptions): Promise<void> => {
  const { git, repository, remote, commit, signal, timeoutMs } = options;
  // A host that goes silent is given up long before the whole time is over.
  const config = [...remote.config, 'http.lowSpeedLimit=1', 'http.lowSpeedTime=60'];
  const fetchWith =
    (settings: readonly string[]): Fetch =>
    (cwd, gitDir, ...args) =>
      watchPacks(join(gitDir, 'objects', 'pack'), options, (watched) =>
        git([...FETCH, ...args], { cwd, config: [...config, ...settings], env: { GIT_DIR: gitDir }, signal: watched, timeoutMs }),
      );
  try {
    await fetchWith([])(repository, join(repository, '.git'), '--depth=1', '--', remote.url, commit);
    return;
  } catch (error) {
    if (!(error instanceof GitError) || !(await speaksGit(remote, signal))) throw await diagnoseRemote(error, remote, signal);
  }
  await fetchSpare(options, fetchWith(['transfer.fsckObjects=false']));
  try {
    await git(['--git-dir=.', 'cat-file', '-e', `${commit}^{commit}`], { cwd: options.spare, signal, timeoutMs });
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    throw new FailureError('SOURCE_NOT_FOUND', `the repository has no commit ${commit}`, { cause: error });
  }
  try {
    await git([...FETCH, '--depth=1', '--', `file://${options.spare}`, commit], {
      cwd: repository,
      config: ['protocol.file.allow=always'],
      signal,
      timeoutMs,
    });
  } catch (error) {
    throw await blameSource(error, repository, "git's checks refuse the commit");
  }
  await rm(options.spare, { recursive: true });
};

type Fetch = (cwd: string, gitDir: string, ...args: readonly string[]) => Promise<unknown>;

/**
 * A bare copy that nothing is checked out from, so objects that git's checks refuse may lie in it: that the copy can be had, and the
 * commit can't be taken from it, is what tells a malformed repository from a host that fails.
 */
const fetchSpare = async ({ git, spare, remote, commit, signal, timeoutMs }: FetchOptions, fetch: Fetch): Promise<void> => {
  await mkdir(spare);
  await git(['init', '--quiet', '--bare', '--template=', `--object-format=${objectFormatOf(commit)}`], { cwd: spare, signal, timeoutMs });
  try {
    await fetch(spare, spare, '--depth=1', '--', remote.url, commit);
  } catch (error) {
    if (!(error instanceof GitError)) throw await diagnoseRemote(error, remote, signal);
    await fetch(spare, spare, '--', remote.url, '+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*').catch(async (cause: unknown) => {
      throw await diagnoseRemote(cause, remote, signal);
    });
  }
};

/** Ids of 64 digits belong to SHA-256 repositories. */
export const objectFormatOf = (commit: string): 'sha1' | 'sha256' => (commit.length === 64 ? 'sha256' : 'sha1');

import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

/** The same author and date every time, and nobody's own git configuration. */
const ENVIRONMENT = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Tidewatch',
  GIT_AUTHOR_EMAIL: 'tidewatch@example.com',
  GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z',
  GIT_COMMITTER_NAME: 'Tidewatch',
  GIT_COMMITTER_EMAIL: 'tidewatch@example.com',
  GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z',
};

/** Runs git without the user's configuration. */
export const git = (cwd: string, args: readonly string[], input?: Uint8Array) =>
  execa('git', args, { cwd, env: ENVIRONMENT, ...(input === undefined ? {} : { input }) });

/** Commits a copy of a project's folder to a fresh bare repository, and returns its path. */
export const makeRepository = async (project: string, folder: string, name: string): Promise<string> => {
  const tree = join(folder, `${name}-tree`);
  const bare = join(folder, `${name}.git`);
  await mkdir(folder, { recursive: true });
  await cp(project, tree, { recursive: true });
  await git(tree, ['init', '--quiet', '--initial-branch=main']);
  await git(tree, ['add', '--all']);
  await git(tree, ['commit', '--quiet', '--message=Read and print durations']);
  await git(folder, ['clone', '--quiet', '--bare', tree, bare]);
  await rm(tree, { recursive: true });
  return bare;
};

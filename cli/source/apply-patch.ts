import { execa } from 'execa';
import { CliError } from '../cli-error.ts';

interface GitAnswer {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

const git = async (folder: string, args: readonly string[], input?: Uint8Array): Promise<GitAnswer> => {
  const { failed, stdout, stderr } = await execa('git', ['-C', folder, ...args], {
    reject: false,
    stripFinalNewline: false,
    ...(input === undefined ? {} : { input }),
  });
  return { ok: !failed, stdout, stderr };
};

/** Paths that a patch touches, both names of a rename, relative to the root of the tree. `--numstat -z` writes `added\tdeleted\tpath\0`, or an empty path and the two names. */
const touchedPaths = async (root: string, patch: Uint8Array): Promise<readonly string[]> => {
  const { ok, stdout, stderr } = await git(root, ['apply', '--numstat', '-z'], patch);
  if (!ok) throw new CliError(`git can't read the patch: ${firstLine(stderr)}`);
  return stdout.split('\0').flatMap((field) => {
    const path = field.replace(/^(\d+|-)\t(\d+|-)\t/, '');
    return path === '' ? [] : [path];
  });
};

const firstLine = (text: string): string => text.split('\n')[0] ?? '';

/** Files with changes that are not committed, new ones included. */
const dirtyPaths = async (root: string): Promise<ReadonlySet<string>> => {
  const { stdout } = await git(root, ['status', '--porcelain=v1', '-z', '--no-renames', '--untracked-files=all', '--ignored=matching']);
  return new Set(
    stdout
      .split('\0')
      .filter((entry) => entry !== '')
      .map((entry) => entry.slice(3)),
  );
};

/**
 * Applies a patch to the repository that holds `folder`: the whole patch or nothing. Refuses, with a `CliError`, to touch a file that has
 * uncommitted changes, and a patch that doesn't fit.
 */
export const applyPatch = async (folder: string, patch: Uint8Array, options: { readonly checkOnly: boolean }): Promise<void> => {
  const top = await git(folder, ['rev-parse', '--show-toplevel']);
  if (!top.ok) throw new CliError('this folder is not in a git repository.', 'Go to the repository that the task was made from.');
  const root = top.stdout.replace(/\n$/, '');
  const dirty = await dirtyPaths(root);
  const overlap = (await touchedPaths(root, patch)).filter((path) => dirty.has(path));
  if (overlap.length > 0) {
    throw new CliError(`uncommitted changes in ${overlap.join(', ')}, which the patch touches.`, 'Commit or stash them, then apply again.');
  }
  const applied = await git(root, ['apply', '--binary', '--whitespace=nowarn', ...(options.checkOnly ? ['--check'] : [])], patch);
  if (!applied.ok) {
    throw new CliError(
      `the patch does not fit this tree: ${firstLine(applied.stderr)}.`,
      'Check out the commit that the task worked on (codebay show).',
    );
  }
};

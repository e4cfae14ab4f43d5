import { lstat, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { simpleGit } from 'simple-git';
import { CliError } from '../cli-error.ts';

/** A file or link to hand over, with its path in the archive (forward slashes). */
export interface FolderFile {
  readonly path: string;
  readonly source: string;
  readonly mode: number;
  readonly isLink: boolean;
  readonly modified: Date;
}

/** The only paths that are named are our own. */
const git = (folder: string, ...args: string[]): Promise<string> =>
  simpleGit(folder, { unsafe: { allowUnsafeConfigPaths: true } }).raw(args);

/** Deleted, but still in git's index. */
const isMissing = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

const isGitFolder = (folder: string): Promise<boolean> =>
  git(folder, 'rev-parse', '--is-inside-work-tree').then(
    (answer) => answer.trim() === 'true',
    () => false,
  );

/** Outside a repository an empty one, elsewhere, lends git's reading of .gitignore. */
const listedWithoutRepository = async (folder: string): Promise<string> => {
  const lent = await mkdtemp(join(tmpdir(), 'codebay-list-'));
  try {
    await git(lent, 'init', '--quiet', '--bare');
    const place = [`--git-dir=${lent}`, `--work-tree=${resolve(folder)}`];
    return await git(folder, ...place, 'ls-files', '-z', '--others', '--exclude-standard', '--exclude=node_modules/');
  } finally {
    await rm(lent, { recursive: true, force: true });
  }
};

const listed = async (folder: string): Promise<readonly string[]> => {
  const names = (await isGitFolder(folder))
    ? await git(folder, 'ls-files', '-z', '--cached', '--others', '--exclude-standard')
    : await listedWithoutRepository(folder);
  return [...new Set(names.split('\0').filter((name) => name !== ''))];
};

/**
 * The files of a folder as they are now, uncommitted work included, as git sees them: without ignored and deleted ones. Outside a repository
 * .gitignore is honoured too, and `node_modules` is left out. Submodules and special files are left out.
 */
export const folderFiles = async (folder: string): Promise<readonly FolderFile[]> => {
  const files: FolderFile[] = [];
  for (const path of await listed(folder)) {
    if (path.includes('\ufffd'))
      throw new CliError(`the file name ${path} is not UTF-8.`, 'Rename it, or hand the project over by --repo.');
    const source = join(folder, path);
    try {
      const stat = await lstat(source);
      if (!stat.isFile() && !stat.isSymbolicLink()) continue;
      files.push({ path, source, mode: stat.mode, isLink: stat.isSymbolicLink(), modified: stat.mtime });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return files;
};

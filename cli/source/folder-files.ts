import { execFile } from 'node:child_process';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isErrno } from '../../platform/sandbox/atomic-file.ts';

const execute = promisify(execFile);
const LIST_MAX_BYTES = 512 * 1024 * 1024;

/** A file or link to hand over, with its path in the archive (forward slashes). */
export interface FolderFile {
  readonly path: string;
  readonly source: string;
  readonly mode: number;
  readonly isLink: boolean;
  readonly modified: Date;
}

const git = async (folder: string, ...args: readonly string[]): Promise<string> =>
  (await execute('git', ['-C', folder, ...args], { maxBuffer: LIST_MAX_BYTES, encoding: 'utf8' })).stdout;

const isGitFolder = (folder: string): Promise<boolean> =>
  git(folder, 'rev-parse', '--is-inside-work-tree').then(
    (answer) => answer.trim() === 'true',
    () => false,
  );

const walk = async (folder: string, below = ''): Promise<string[]> => {
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  const paths: string[] = [];
  for (const entry of entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
    if (entry.name === '.git' || entry.name === 'node_modules') continue;
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) paths.push(...(await walk(folder, path)));
    else paths.push(path);
  }
  return paths;
};

/** `git ls-files` reads .gitignore outside a repository too, once it is told where an (empty) one would be. */
const listed = async (folder: string): Promise<string[]> => {
  if (!(await isGitFolder(folder))) return walk(folder);
  const names = await git(folder, 'ls-files', '-z', '--cached', '--others', '--exclude-standard');
  return [...new Set(names.split('\0').filter((name) => name !== ''))];
};

/**
 * The files of a folder as they are now: tracked and new ones where git knows the folder (ignored ones left out, deleted ones too), else all
 * but `.git` and `node_modules`. Submodules and special files are left out.
 */
export const folderFiles = async (folder: string): Promise<readonly FolderFile[]> => {
  const files: FolderFile[] = [];
  for (const path of await listed(folder)) {
    const source = join(folder, path);
    try {
      const stat = await lstat(source);
      if (!stat.isFile() && !stat.isSymbolicLink()) continue;
      files.push({ path, source, mode: stat.mode, isLink: stat.isSymbolicLink(), modified: stat.mtime });
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    }
  }
  return files;
};

import type { Git, GitCommand } from './git.ts';

/**
 * Lists all files of a commit before anything is written, as `(path, size)`; paths hold one character a byte. Submodules count as
 * files of no size. What `onFile` throws ends the listing, so a tree that multiplies itself costs no more than the limits.
 */
export const listTree = async (
  git: Git,
  commit: string,
  command: Omit<GitCommand, 'onOutput'>,
  onFile: (path: string, sizeBytes: number) => void,
): Promise<void> => {
  let rest = '';
  await git(['ls-tree', '-r', '-l', '-z', '--full-tree', commit], {
    ...command,
    onOutput: (chunk) => {
      const records = (rest + chunk.toString('latin1')).split('\0');
      rest = records.pop() ?? '';
      for (const record of records) {
        const tab = record.indexOf('\t');
        const size = record.slice(0, tab).split(' ').at(-1) ?? '-';
        onFile(record.slice(tab + 1), size === '-' ? 0 : Number(size));
      }
    },
  });
};

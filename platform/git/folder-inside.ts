import { lstat } from 'node:fs/promises';
import { join } from 'node:path';

/** Whether `path` below `root` is a folder that is reached without any link. */
export const isFolderInside = async (root: string, path: string): Promise<boolean> => {
  let place = root;
  for (const part of path.split('/').filter((name) => name !== '')) {
    place = join(place, part);
    const found = await lstat(place).catch(() => null);
    if (found === null || !found.isDirectory()) return false;
  }
  return true;
};

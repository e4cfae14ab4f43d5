import { randomBytes } from 'node:crypto';
import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};

const publish = async (path: string, content: string, mode: number, place: (temporary: string) => Promise<void>): Promise<void> => {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.new`;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await place(temporary);
    await syncFolder(dirname(path));
  } finally {
    await rm(temporary, { force: true });
  }
};

/** Replaces a file so that a reader, or a crash at any moment, sees the old content or the new one, never a part. */
export const writeAtomic = (path: string, content: string, mode = 0o600): Promise<void> =>
  publish(path, content, mode, (temporary) => rename(temporary, path));

/** As `writeAtomic`, but only where there is no such file; false where there is. Of two at once, one wins. */
export const writeOnce = async (path: string, content: string, mode = 0o600): Promise<boolean> => {
  try {
    await publish(path, content, mode, (temporary) => link(temporary, path));
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  }
};

/** The file's text; null where there is none. */
export const readIfThere = async (path: string): Promise<string | null> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
};

/** Whether an error is a system error of one of these codes; told by its shape, as another realm's errors are no instances of ours. */
export const isErrno = (error: unknown, ...codes: readonly string[]): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && codes.some((code) => code === error.code);

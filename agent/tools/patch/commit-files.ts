import { chmod, lstat, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** The new bytes of a file, or null where it goes; `like` is the file whose mode it takes over. */
export interface FileChange {
  readonly path: string;
  readonly content: Buffer | null;
  readonly like: string | null;
}

const beside = (path: string, suffix: string): string => join(dirname(path), `.${basename(path)}.${suffix}`);

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o7777;

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/**
 * Puts all changes in place, or none: everything that can fail for want of room or rights is done beside the files first, and what has
 * been moved is moved back when a later step fails.
 */
export const commitFiles = async (changes: readonly FileChange[]): Promise<void> => {
  const undo: (() => Promise<unknown>)[] = [];
  const replaced: string[] = [];
  try {
    for (const { path, content, like } of changes) {
      if (content === null) continue;
      const made = await mkdir(dirname(path), { recursive: true });
      if (made !== undefined) undo.push(() => rm(made, { recursive: true }));
      const fresh = beside(path, 'codebay-new');
      undo.push(() => rm(fresh, { force: true }));
      await writeFile(fresh, content);
      if (like !== null) await chmod(fresh, await modeOf(like));
    }
    for (const { path } of changes) {
      if (!(await exists(path))) continue;
      const old = beside(path, 'codebay-old');
      await rename(path, old);
      replaced.push(old);
      undo.push(() => rename(old, path));
    }
    for (const { path, content } of changes) {
      if (content === null) continue;
      await rename(beside(path, 'codebay-new'), path);
      undo.push(() => rm(path));
    }
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
  for (const path of replaced) await rm(path);
};

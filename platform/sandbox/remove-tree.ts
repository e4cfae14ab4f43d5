import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Removes a tree that hostile programs wrote, with no process left that writes it: the system's tools go down paths of any depth by
 * descriptor, never through a link. Folders closed to their owner are opened first where needed. Idempotent.
 */
export const removeTree = async (path: string): Promise<void> => {
  const remove = () => run('rm', ['-rf', '--one-file-system', '--', path]);
  try {
    await remove();
  } catch {
    await run('chmod', ['-R', 'u+rwx', '--', path]);
    await remove();
  }
};

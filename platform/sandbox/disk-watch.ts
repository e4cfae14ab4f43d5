import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { promisify } from 'node:util';

const LOOK_EVERY_MS = 1000;
const MEASURE_EVERY_MS = 30_000;
/** Measuring a large tree may take at most this part of the time. */
const MEASURING_SHARE = 0.05;

const usedBytes = async (folder: string): Promise<number> => {
  const { blocks, bfree, bsize } = await statfs(folder);
  return (blocks - bfree) * bsize;
};

/** Bytes allocated to these folders. `du` neither follows links nor minds paths of any depth. */
export const measureFolders = async (folders: readonly string[]): Promise<number> => {
  // Files vanish while it looks, which it reports by its exit code; the sum stands all the same.
  const { stdout } = await promisify(execFile)('du', ['-scx', '-B1', '--', ...folders]).catch((error: { stdout?: string }) => {
    if (typeof error.stdout === 'string') return { stdout: error.stdout };
    throw error;
  });
  return Number(/^(\d+)\ttotal$/m.exec(stdout)?.[1] ?? 0);
};

/**
 * Calls `onFull` once the folders hold more than `limitBytes`. Looks at the file system each second, and measures when it has filled by half
 * of what the run has left, and now and then in any case. Returns what ends the watch.
 */
export const watchDisk = (folders: readonly [string, ...string[]], limitBytes: number, onFull: () => void): (() => void) => {
  let timer: NodeJS.Timeout;
  let stopped = false;
  let last = { used: 0, left: 0, earliestAt: 0, latestAt: 0 };
  const look = async (): Promise<void> => {
    const used = await usedBytes(folders[0]);
    const startedAt = Date.now();
    if (startedAt < last.earliestAt || (startedAt < last.latestAt && used - last.used <= last.left / 2)) return;
    const left = limitBytes - (await measureFolders(folders));
    if (left < 0 && !stopped) onFull();
    const endedAt = Date.now();
    last = { used, left, earliestAt: endedAt + (endedAt - startedAt) / MEASURING_SHARE, latestAt: endedAt + MEASURE_EVERY_MS };
  };
  const again = (): void => {
    // A look that fails (the folders are being removed) says nothing about their size.
    timer = setTimeout(
      () =>
        look()
          .catch(() => undefined)
          .finally(() => stopped || again()),
      LOOK_EVERY_MS,
    );
  };
  again();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
};

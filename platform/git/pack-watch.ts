import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../tasks/failure.ts';

const INTERVAL_MS = 250;

const sizeOf = async (folder: string): Promise<number> => {
  const names = await readdir(folder).catch(() => []);
  // Git renames packs while they are counted: what has gone counts nothing.
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
};

/**
 * Runs a fetch and looks at how the folder `packs` grows, because git itself sets no bound. Reports the bytes so far, and ends the
 * fetch with SOURCE_TOO_LARGE once they are over `maxBytes`: packed code is never larger than the code.
 */
export const watchPacks = async <T>(
  packs: string,
  {
    maxBytes,
    signal,
    onProgress,
  }: { readonly maxBytes: number; readonly signal: AbortSignal; readonly onProgress: (bytes: number) => void },
  fetch: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const over = new AbortController();
  const timer = setInterval(async () => {
    const bytes = await sizeOf(packs);
    onProgress(bytes);
    if (bytes > maxBytes) over.abort(new FailureError('SOURCE_TOO_LARGE', `the host sends more than ${maxBytes} bytes`));
  }, INTERVAL_MS);
  try {
    return await fetch(AbortSignal.any([signal, over.signal]));
  } finally {
    clearInterval(timer);
  }
};

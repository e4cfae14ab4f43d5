import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { StoredBlob } from './gateway-client.ts';
import { FileTooLargeError, openScratchFile } from './scratch-file.ts';

/** What stands under an output's name: a copy the run can't change any more, nothing, or something that isn't taken. */
export type Output =
  | { readonly state: 'taken'; readonly stored: StoredBlob }
  | { readonly state: 'absent' }
  | { readonly state: 'refused'; readonly detail: string };

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';

/** Copies one file that a run wrote. Regular files only; links are not followed, pipes and devices not waited for, the size is capped as it is read. */
export const takeOutput = async (from: string, to: string, maxBytes: number): Promise<Output> => {
  const source = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error: unknown) =>
    codeOf(error),
  );
  if (typeof source === 'string') {
    return source === 'ENOENT' ? { state: 'absent' } : { state: 'refused', detail: `cannot be opened as a plain file (${source})` };
  }
  try {
    if (!(await source.stat()).isFile()) return { state: 'refused', detail: 'is not a plain file' };
    const copy = await openScratchFile(to, maxBytes);
    try {
      for await (const chunk of source.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) await copy.write(chunk);
    } catch (error) {
      await copy.discard();
      if (error instanceof FileTooLargeError) return { state: 'refused', detail: error.message };
      throw error;
    }
    return { state: 'taken', stored: await copy.seal() };
  } finally {
    await source.close();
  }
};

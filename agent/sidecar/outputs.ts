import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredBlob } from './gateway-client.ts';
import type { RunParts } from './run-parts.ts';
import { FileTooLargeError, openScratchFile } from './scratch-file.ts';

/** What stands under an output's name: a copy the run can't change any more, nothing, or something that isn't taken. */
export type Output =
  | { readonly state: 'taken'; readonly stored: StoredBlob }
  | { readonly state: 'absent' }
  | { readonly state: 'refused'; readonly detail: string };

type OutputRun = Pick<RunParts, 'compartment' | 'folders'>;

const OPENING_MS = 30_000;

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';

const openPlain = (path: string): Promise<FileHandle | string> =>
  open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error: unknown) => codeOf(error));

/** The run's programs may have another uid, and have closed a file to everyone else: one with that uid opens it. */
const openForUs = async (run: OutputRun, name: string, signal: AbortSignal): Promise<FileHandle | string> => {
  const { compartment, folders } = run;
  const first = await openPlain(join(folders.output, name));
  if (first !== 'EACCES') return first;
  const path = `${compartment.paths.output}/${name}`;
  const argv = ['/bin/sh', '-c', '[ -L "$1" ] || chmod -- g+r "$1"', 'open', path] as const;
  await compartment.run({ argv, cwd: compartment.paths.output, side: true, timeoutMs: OPENING_MS, signal });
  return openPlain(join(folders.output, name));
};

/** Copies one file that a run wrote. Regular files only; links are not followed, pipes and devices not waited for, the size is capped as it is read. */
export const takeOutput = async (
  run: OutputRun,
  name: string,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<Output> => {
  const source = await openForUs(run, name, signal);
  if (typeof source === 'string') {
    return source === 'ENOENT' ? { state: 'absent' } : { state: 'refused', detail: `cannot be opened as a plain file (${source})` };
  }
  try {
    if (!(await source.stat()).isFile()) return { state: 'refused', detail: 'is not a plain file' };
    const copy = await openScratchFile(join(run.folders.scratch, name), maxBytes);
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

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { close, constants, open } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface OutputPipe {
  readonly reader: Socket;
  /** The end for the child; to be closed here once the child has it. */
  readonly writer: { readonly fd: number; close(): Promise<void> };
}

/** A bare descriptor: a `FileHandle` would close it once it is no longer referred to. */
const openDescriptor = promisify(open);

const openPipe = async (path: string): Promise<OutputPipe> => {
  await chmod(path, 0o666);
  const reading = await openDescriptor(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writing = await openDescriptor(path, constants.O_WRONLY);
  return {
    reader: new Socket({ fd: reading, readable: true, writable: false }),
    writer: { fd: writing, close: () => promisify(close)(writing) },
  };
};

/**
 * Real pipes for a program's output, one where both streams go the same way. What `spawn` makes are sockets, which a program can't open
 * again: `echo >/dev/stderr` would fail in every script. Their names in `folder` are gone when this returns; their mode is open, since the
 * program runs under another user.
 */
export const openOutputPipes = async (
  folder: string,
  isSplit: boolean,
): Promise<{ readonly output: OutputPipe; readonly errors: OutputPipe | null }> => {
  const path = join(folder, `.output-${randomBytes(6).toString('hex')}`);
  const errorsPath = `${path}-errors`;
  try {
    await promisify(execFile)('mkfifo', isSplit ? [path, errorsPath] : [path]);
    return { output: await openPipe(path), errors: isSplit ? await openPipe(errorsPath) : null };
  } finally {
    await Promise.all([path, errorsPath].map((each) => rm(each, { force: true })));
  }
};

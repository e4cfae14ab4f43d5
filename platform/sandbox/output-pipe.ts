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

/**
 * A real pipe for a program's output. What `spawn` makes is a socket, which a program can't open again: `echo >/dev/stderr` would fail in
 * every script. The name in `folder` is gone when this returns; its mode is open, since the program runs under another user.
 */
export const openOutputPipe = async (folder: string): Promise<OutputPipe> => {
  const path = join(folder, `.output-${randomBytes(6).toString('hex')}`);
  try {
    await promisify(execFile)('mkfifo', [path]);
    await chmod(path, 0o666);
    const reading = await openDescriptor(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writing = await openDescriptor(path, constants.O_WRONLY);
    return {
      reader: new Socket({ fd: reading, readable: true, writable: false }),
      writer: { fd: writing, close: () => promisify(close)(writing) },
    };
  } finally {
    await rm(path, { force: true });
  }
};

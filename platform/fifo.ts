import { execFile } from 'node:child_process';
import { close, constants, fstat, open } from 'node:fs';
import { Socket } from 'node:net';
import { promisify } from 'node:util';

/** A bare descriptor: a `FileHandle` would close it once it is no longer referred to. */
const openDescriptor = promisify(open);
const closeDescriptor = promisify(close);

/** Makes named pipes in a folder, which owner and group may read and write; one that stands already is left as it is. */
export const makeFifos = async (folder: string, names: readonly string[]): Promise<void> => {
  // With a wider mask a pipe would be closed to the group until its mode is set, and someone may wait to open it.
  await promisify(execFile)('/bin/sh', ['-euc', 'umask 007; for name; do mkfifo "$name" || [ -p "$name" ]; done', 'sh', ...names], {
    cwd: folder,
  });
};

/** Never waits, whoever holds the other end or doesn't: an open that waits would keep one of libuv's four threads. */
const openFifo = async (path: string, access: number): Promise<number> => {
  const fd = await openDescriptor(path, access | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  if ((await promisify(fstat)(fd)).isFIFO()) return fd;
  await closeDescriptor(fd);
  throw new Error(`${path} is not a pipe`);
};

/** The reading end. It ends when its last writer goes, not before there was one. */
export const openFifoReader = async (path: string): Promise<Socket> =>
  new Socket({ fd: await openFifo(path, constants.O_RDONLY), readable: true, writable: false });

/** The writing end, also where nobody reads yet: what is written waits. It never fails for want of a reader. */
export const openFifoWriter = async (path: string): Promise<Socket> =>
  new Socket({ fd: await openFifo(path, constants.O_RDWR), readable: false, writable: true });

/** Keeps a pipe that has a reader from ending, and its content from being lost with its last user, until the returned function is called first. */
export const holdFifo = async (path: string): Promise<() => Promise<void>> => {
  const fd = await openFifo(path, constants.O_WRONLY);
  let released: Promise<void> | null = null;
  return () => {
    released ??= closeDescriptor(fd);
    return released;
  };
};

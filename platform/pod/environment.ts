import { createHash } from 'node:crypto';
import type { Compartment } from '../../tasks/ports/compartment.ts';

/** Tens of thousands of files, from a disk that may be cold. */
const TIMEOUT_MS = 2 * 60_000;

/*
 * The variables, and of each file that the image holds its kind, mode, size, time, target and path. Without folders, whose times change when
 * something is mounted in them, and without what a container's runtime writes at each start. A `find` that can't print so can't begin.
 */
const DIGEST = `
  find "$1" -maxdepth 0 -printf '' || exit
  {
    env
    cd "$1" && find . -xdev ! -type d ! -path ./etc/hosts ! -path ./etc/hostname ! -path ./etc/resolv.conf ! -path ./etc/mtab \\
      ! -path ./.dockerenv ! -path ./run/.containerenv -printf '%y %m %s %T@ %l %p\\n'
  } 2>/dev/null | LC_ALL=C sort | sha256sum
`;

/**
 * Names what programs of a run find around them: equal in two pods where what one run installed works in the other. A name of an image may
 * come to mean another one, so what the agent's container really holds is looked at; nothing of the repository may have run there yet. Null
 * where the image has no GNU find.
 */
export const podEnvironment = async (
  compartment: Compartment,
  { image, root = '/' }: { readonly image: string; readonly root?: string },
  signal: AbortSignal,
): Promise<string | null> => {
  let digest = '';
  const { exitCode, cause } = await compartment.run({
    argv: ['/bin/sh', '-c', DIGEST, 'digest', root],
    cwd: compartment.paths.code,
    onStdout: (chunk) => {
      digest += chunk;
    },
    onStderr: () => undefined,
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  signal.throwIfAborted();
  if (cause !== 'finished' || exitCode !== 0) return null;
  return `pod ${process.arch} ${createHash('sha256')
    .update(JSON.stringify([image, digest]))
    .digest('hex')}`;
};

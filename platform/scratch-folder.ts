import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { identifyProcess, isAlive, type ProcessIdentity } from './sandbox/process-identity.ts';
import { removeTree } from './sandbox/remove-tree.ts';

const nameOf = ({ bootId, pid, startTime }: ProcessIdentity): string => `${pid}.${startTime}.${bootId}`;

/** Null for a name that none of our processes gave. */
const ownerOf = (name: string): ProcessIdentity | null => {
  const [, pid, startTime, bootId] = /^(\d+)\.(\d+)\.([0-9a-f-]+)$/.exec(name) ?? [];
  return pid === undefined || startTime === undefined || bootId === undefined ? null : { pid: Number(pid), startTime, bootId };
};

/**
 * Makes a folder below `root` for what this process needs for a while, such as a clone being packed, and removes those of processes that
 * were killed: users' code must not lie about. Of mode 700.
 */
export const openScratchFolder = async (root: string): Promise<string> => {
  const own = identifyProcess(process.pid);
  if (own === null) throw new Error('this process does not find itself in /proc');
  const path = join(root, nameOf(own));
  await mkdir(path, { recursive: true, mode: 0o700 });
  for (const name of await readdir(root)) {
    const owner = ownerOf(name);
    if (owner !== null && !isAlive(owner)) await removeTree(join(root, name));
  }
  return path;
};

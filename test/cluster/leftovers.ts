import { existsSync } from 'node:fs';
import { readdir, readFile, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { findServer } from '../servers/server-process.ts';
import { until } from '../support/until.ts';
import { cgroupPids, hasCgroup, removeCgroup } from './cgroup.ts';
import { tryClaim } from './claim.ts';
import { CLUSTER_NAMES, hasNetwork, networkPids, removeNetwork } from './network.ts';

/** Kept outside of the folders that containerd and the kubelet were given. */
const CNI_RESULTS = ['/var/lib/cni/results', '/var/lib/cni/cache/results'];
const LOG_LINKS = '/var/log/containers';

/** Short, for unix sockets are, and the same whatever TMPDIR says: who sweeps must find it. */
export const clusterFolder = (name: string): string => join('/tmp', name);

const processesOf = async (name: string): Promise<readonly number[]> => [...(await networkPids(name)), ...(await cgroupPids(name))];

/** The socket files that a shim listens on; they stand in a folder that all of the machine's containerds share. */
const shimSockets = async (pid: number): Promise<readonly string[]> => {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const links = await Promise.all(descriptors.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')));
  const inodes = new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]));
  const sockets = await readFile(`/proc/${pid}/net/unix`, 'utf8').catch(() => '');
  return sockets.split('\n').flatMap((line) => {
    const [inode, path] = line.split(/\s+/).slice(6);
    return inodes.has(inode) && path?.startsWith('/run/containerd/s/') ? [path] : [];
  });
};

const kill = (pids: readonly number[]): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
};

const unmountBelow = async (folder: string): Promise<void> => {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
  const below = mounts.filter((path) => path.startsWith(`${folder}/`)).sort();
  for (const path of below.reverse()) await execa(findServer('umount'), [path]);
};

const removeWhere = async (folder: string, isOurs: (name: string) => Promise<boolean>): Promise<void> => {
  if (!existsSync(folder)) return;
  for (const name of await readdir(folder)) if (await isOurs(name)) await rm(join(folder, name), { force: true });
};

/**
 * Ends what is left of a cluster and removes every trace of it: daemons, containers, mounts, cgroups, namespaces, files. Works for one that
 * was killed in the middle as well as for one that was stopped. Only for who holds its name.
 */
export const removeCluster = async (name: string): Promise<void> => {
  const folder = clusterFolder(name);
  const sockets = (await Promise.all((await networkPids(name)).map(shimSockets))).flat();
  await until(`no process of ${name} is left`, async () => {
    const left = await processesOf(name);
    kill(left);
    return left.length === 0;
  });
  await unmountBelow(folder);
  await until(`no cgroup of ${name} is left`, () =>
    removeCgroup(name).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EBUSY') return false;
        throw error;
      },
    ),
  );
  await removeNetwork(name);
  for (const socket of sockets) await rm(socket, { force: true });
  for (const results of CNI_RESULTS) {
    await removeWhere(results, async (file) => (await readFile(join(results, file), 'utf8')).includes(`${folder}/`));
  }
  await removeWhere(LOG_LINKS, async (file) => (await readlink(join(LOG_LINKS, file)).catch(() => '')).startsWith(`${folder}/`));
  await rm(folder, { recursive: true, force: true });
};

const isHere = (name: string): boolean => existsSync(clusterFolder(name)) || hasNetwork(name) || hasCgroup(name);

/** Removes the clusters of this machine that nobody holds any more, because their holder was killed, and no other; returns their names. */
export const sweepClusters = async (): Promise<readonly string[]> => {
  const swept: string[] = [];
  for (const name of CLUSTER_NAMES.filter(isHere)) {
    await using claim = await tryClaim(name);
    if (claim === null) continue;
    await removeCluster(name);
    swept.push(name);
  }
  return swept;
};

import { existsSync } from 'node:fs';
import { readdir, readFile, readlink, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { findServer } from '../servers/server-process.ts';
import { until } from '../support/until.ts';
import { cgroupPids, removeCgroup } from './cgroup.ts';
import { removeNetwork } from './network.ts';

const PROGRAMS = new Set(['kube', 'containerd', 'containerd-shim-runc-v2']);
/** Kept outside of the folders that containerd and the kubelet were given. */
const CNI_RESULTS = ['/var/lib/cni/results', '/var/lib/cni/cache/results'];
const LOG_LINKS = '/var/log/containers';

interface Daemon {
  readonly pid: number;
  readonly program: string;
}

/** Null where the process is gone, or a zombie. */
const commandOf = async (pid: string): Promise<readonly string[] | null> => {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return line === '' ? null : line.split('\0');
};

/** The cluster's components and the shims of its containers: they name its folder. Someone's kubectl is none of them. */
const daemonsOf = async (folder: string): Promise<readonly Daemon[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid): Promise<readonly Daemon[]> => {
      const [path = '', ...args] = (await commandOf(pid)) ?? [];
      const program = basename(path);
      const isOurs = PROGRAMS.has(program) && args[0] !== 'kubectl' && args.some((argument) => argument.includes(`${folder}/`));
      return isOurs ? [{ pid: Number(pid), program }] : [];
    }),
  );
  return found.flat();
};

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
 * was killed in the middle as well as for one that was stopped.
 */
export const removeCluster = async (name: string, folder: string): Promise<void> => {
  const daemons = await daemonsOf(folder);
  const sockets = (await Promise.all(daemons.map(({ pid }) => shimSockets(pid)))).flat();
  await until(`no process of ${name} is left`, async () => {
    const left = [...(await daemonsOf(folder)).map(({ pid }) => pid), ...(await cgroupPids(name))];
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

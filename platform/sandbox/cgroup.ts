import { constants } from 'node:fs';
import { access, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isErrno, readIfThere } from './atomic-file.ts';
import type { Confinement } from './confinement.ts';

export type Cgroups = Confinement['cgroups'];
type Controller = 'memory' | 'pids';

/** Programs that belong to the sandbox itself, not to the run: bubblewrap twice, with room to start the next. */
const SANDBOX_PROCESSES = 16;
const REFUSED = ['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'EBUSY', 'EINVAL', 'EOPNOTSUPP'];

/** The folder of this process's own cgroup for a controller, then its parents: a child of ours stays below limits that bind us. */
const candidates = async (controller: Controller, version: 1 | 2): Promise<string[]> => {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' '));
  const mount = mounts.find(([, , type, options]) =>
    version === 1 ? type === 'cgroup' && options?.split(',').includes(controller) : type === 'cgroup2',
  )?.[1];
  if (mount === undefined) return [];
  const own = (await readFile('/proc/self/cgroup', 'utf8'))
    .split('\n')
    .map((line) => /^\d+:([^:]*):(.*)$/.exec(line))
    .find((match) => (version === 1 ? match?.[1]?.split(',').includes(controller) : match?.[1] === ''))?.[2];
  const folders = [];
  for (let folder = join(mount, own ?? '/'); folder.length > mount.length; folder = dirname(folder)) folders.push(folder);
  return [...folders, mount];
};

const limitFiles = (controller: Controller, version: 1 | 2): string =>
  controller === 'pids' ? 'pids.max' : version === 1 ? 'memory.limit_in_bytes' : 'memory.max';

/** Swap would let a run use more than its memory; a kernel without swap accounting has no such file. */
const forbidSwap = async (folder: string, version: 1 | 2, memoryBytes: number): Promise<void> => {
  const [file, value] = version === 1 ? ['memory.memsw.limit_in_bytes', memoryBytes] : ['memory.swap.max', 0];
  if ((await readIfThere(join(folder, file))) !== null) await writeFile(join(folder, file), String(value));
};

const makeOne = async (name: string, controller: Controller, version: 1 | 2, limit: number): Promise<string | null> => {
  for (const parent of await candidates(controller, version)) {
    const folder = join(parent, name);
    try {
      if (version === 2) {
        const enabled = (await readFile(join(parent, 'cgroup.subtree_control'), 'utf8')).trim().split(' ');
        if (!enabled.includes(controller)) continue;
        await access(join(parent, 'cgroup.procs'), constants.W_OK);
      }
      await mkdir(folder).catch((error: unknown) => {
        if (!isErrno(error, 'EEXIST')) throw error;
      });
      await writeFile(join(folder, limitFiles(controller, version)), String(limit));
      if (controller === 'memory') await forbidSwap(folder, version, limit);
      return folder;
    } catch (error) {
      if (!isErrno(error, ...REFUSED)) throw error;
    }
  }
  return null;
};

/** Makes a run's cgroups where this process may; a controller that it may not use is null. Idempotent. */
export const makeCgroups = async (name: string, limits: { memoryBytes: number; processes: number }): Promise<Cgroups> => {
  const processes = limits.processes + SANDBOX_PROCESSES;
  const memory = await makeOne(name, 'memory', 2, limits.memoryBytes);
  if (memory !== null) return { version: 2, memory, pids: await makeOne(name, 'pids', 2, processes) };
  return { version: 1, memory: await makeOne(name, 'memory', 1, limits.memoryBytes), pids: await makeOne(name, 'pids', 1, processes) };
};

const foldersOf = (cgroups: Cgroups): string[] => [...new Set([cgroups.memory, cgroups.pids])].filter((folder) => folder !== null);

/** A process that writes its id into each of these belongs to the run. */
export const entriesOf = (cgroups: Cgroups): string[] => foldersOf(cgroups).map((folder) => join(folder, 'cgroup.procs'));

/** Host process ids of everything that is in the cgroups. */
export const membersOf = async (cgroups: Cgroups): Promise<number[]> => {
  const lists = await Promise.all(entriesOf(cgroups).map(async (file) => (await readIfThere(file).catch(goneIsNull)) ?? ''));
  return lists
    .join('\n')
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
};

const goneIsNull = (error: unknown): null => {
  if (isErrno(error, 'ENODEV')) return null;
  throw error;
};

/** How many processes of the run the kernel has killed for want of memory; 0 where there is no memory cgroup. */
export const countOomKills = async (cgroups: Cgroups): Promise<number> => {
  if (cgroups.memory === null) return 0;
  const text = await readIfThere(join(cgroups.memory, cgroups.version === 1 ? 'memory.oom_control' : 'memory.events'));
  return Number(/^oom_kill (\d+)$/m.exec(text ?? '')?.[1] ?? 0);
};

/** No process of the run can fork from now on: killing them all then ends. */
export const forbidForks = async (cgroups: Cgroups): Promise<void> => {
  if (cgroups.pids === null) return;
  await writeFile(join(cgroups.pids, 'pids.max'), '0').catch((error: unknown) => {
    if (!isErrno(error, 'ENOENT', 'ENODEV')) throw error;
  });
};

/** Removes cgroups whose processes are gone. Idempotent. */
export const removeCgroups = async (cgroups: Cgroups): Promise<void> => {
  for (const folder of foldersOf(cgroups)) {
    // The kernel lets go of a cgroup a moment after its last process.
    for (let attempt = 0; ; attempt += 1) {
      try {
        await rmdir(folder);
        break;
      } catch (error) {
        if (isErrno(error, 'ENOENT')) break;
        if (!isErrno(error, 'EBUSY') || attempt >= 100) throw error;
        await delay(20);
      }
    }
  }
};

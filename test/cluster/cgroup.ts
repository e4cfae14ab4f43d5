import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const MOUNT = '/sys/fs/cgroup';

/** Version 2 has one tree; version 1 one a controller. */
const isUnified = (): boolean => existsSync(join(MOUNT, 'cgroup.controllers'));

const trees = (): readonly string[] => {
  if (!existsSync(MOUNT)) return [];
  return isUnified() ? [MOUNT] : readdirSync(MOUNT).map((controller) => join(MOUNT, controller));
};

/** The cgroup below which the kubelet of this cluster puts its pods, in every tree, so that several clusters stay apart. */
export const createCgroup = async (name: string): Promise<void> => {
  if (isUnified()) {
    const controllers = (await readFile(join(MOUNT, 'cgroup.controllers'), 'utf8')).trim().split(' ');
    await writeFile(join(MOUNT, 'cgroup.subtree_control'), controllers.map((controller) => `+${controller}`).join(' '));
  }
  await Promise.all(trees().map((tree) => mkdir(join(tree, name), { recursive: true })));
  // Version 1's cpuset takes no process before it has processors and memory.
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const parent = join(MOUNT, 'cpuset', file);
    if (existsSync(parent)) await writeFile(join(MOUNT, 'cpuset', name, file), await readFile(parent, 'utf8'));
  }
};

export const hasCgroup = (name: string): boolean => trees().some((tree) => existsSync(join(tree, name)));

/** Deepest first. */
const foldersBelow = async (folder: string): Promise<readonly string[]> => {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { withFileTypes: true });
  const below = await Promise.all(entries.filter((entry) => entry.isDirectory()).map(({ name }) => foldersBelow(join(folder, name))));
  return [...below.flat(), folder];
};

const allFolders = async (name: string): Promise<readonly string[]> =>
  (await Promise.all(trees().map((tree) => foldersBelow(join(tree, name))))).flat();

/** The processes of every container of the cluster. */
export const cgroupPids = async (name: string): Promise<readonly number[]> => {
  const lists = await Promise.all((await allFolders(name)).map((folder) => readFile(join(folder, 'cgroup.procs'), 'utf8')));
  return [...new Set(lists.flatMap((list) => list.split('\n')).filter((line) => line !== ''))].map(Number);
};

/** Only where no process is left in it. */
export const removeCgroup = async (name: string): Promise<void> => {
  for (const folder of await allFolders(name)) await rmdir(folder);
};

import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunOrder } from '../../tasks/run.ts';
import { writeAtomic } from './atomic-file.ts';
import { makeCgroups, removeCgroups } from './cgroup.ts';
import type { Confinement, ConfinementMode } from './confinement.ts';
import { killLeftovers } from './leftovers.ts';
import { RUN_FOLDERS, runFiles } from './run-folder.ts';
import { claimUid, releaseUid, stationFolder } from './station-folder.ts';

export interface Preparation {
  readonly mode: ConfinementMode;
  readonly install: string;
  readonly node: string;
  readonly readable: readonly string[];
}

/** What programs need of /etc, without a word about this machine. */
const etcFiles = (uid: number): Record<string, string> => ({
  passwd: `root:x:0:0:root:/nonexistent:/usr/sbin/nologin\ncodebay:x:${uid}:${uid}:codebay:/app/home:/bin/sh\n`,
  group: `root:x:0:\ncodebay:x:${uid}:\n`,
  hosts: '127.0.0.1 localhost codebay\n::1 localhost\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
});

/** The mark of a run: the same for whoever names the folder, and no other run's on this machine. */
const markOf = (path: string): string => createHash('sha256').update(path).digest('hex').slice(0, 16);

/** Claims what a run will be confined by: its uid, its cgroups, its folder of sockets. `path` is where its folder will stand. */
export const confine = async (path: string, order: RunOrder, { mode, install, node, readable }: Preparation): Promise<Confinement> => {
  const mark = markOf(path);
  const sockets = join(await stationFolder(), mark);
  for (const folder of [sockets, join(sockets, 'none')]) {
    await mkdir(folder, { recursive: true });
    await chmod(folder, 0o755);
  }
  return {
    mode,
    mark,
    sockets,
    cgroups: await makeCgroups(`codebay-${mark}`, order.limits),
    install: await realpath(install),
    node: await realpath(node),
    readable: [...readable],
    // Last, so that no failure above keeps it claimed.
    uid: mode === 'root' ? await claimUid(mark) : null,
  };
};

/** Ends everything that still runs under a confinement and gives back what it claimed. Idempotent. */
export const releaseConfinement = async (confinement: Confinement): Promise<void> => {
  await killLeftovers(confinement);
  await removeCgroups(confinement.cgroups);
  await rm(confinement.sockets, { recursive: true, force: true });
  if (confinement.uid !== null) await releaseUid(confinement.uid, confinement.mark);
};

/** Fills a new run folder, except for the process in charge. */
export const fillRunFolder = async (path: string, { identity, ...order }: RunOrder, confinement: Confinement): Promise<void> => {
  const files = runFiles(path);
  await mkdir(path, { mode: 0o700 });
  for (const folder of [files.task, files.etc]) {
    await mkdir(folder);
    await chmod(folder, 0o755);
  }
  for (const name of RUN_FOLDERS) {
    await mkdir(files[name], { mode: 0o755 });
    if (confinement.uid !== null) await chown(files[name], confinement.uid, confinement.uid);
  }
  for (const [name, content] of Object.entries(etcFiles(confinement.uid ?? process.geteuid?.() ?? 0))) {
    await writeFile(join(files.etc, name), content);
    await chmod(join(files.etc, name), 0o644);
  }
  await writeAtomic(files.order, JSON.stringify(order));
  await writeAtomic(files.identity, identity);
  await writeAtomic(files.confinement, JSON.stringify(confinement));
};

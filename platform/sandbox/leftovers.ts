import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isErrno } from './atomic-file.ts';
import { forbidForks, membersOf } from './cgroup.ts';
import type { Confinement } from './confinement.ts';
import { identifyProcess, signalProcess } from './process-identity.ts';

/** In the environment of programs that nothing isolates; the others are known by their mounts. */
export const MARK_VARIABLE = 'CODEBAY_RUN_MARK';

const DEADLINE_MS = 20_000;

const readProc = async (pid: number, file: string): Promise<string> => {
  try {
    return await readFile(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    // Gone meanwhile, a zombie, or another user's: none of them is ours.
    if (isErrno(error, 'ENOENT', 'ESRCH', 'EINVAL', 'EACCES', 'EPERM')) return '';
    throw error;
  }
};

const belongs = async (pid: number, { mode, uid, mark }: Confinement): Promise<boolean> => {
  if (mode === 'none') return (await readProc(pid, 'environ')).split('\0').includes(`${MARK_VARIABLE}=${mark}`);
  if (uid !== null && new RegExp(`^Uid:.*\\b${uid}\\b`, 'm').test(await readProc(pid, 'status'))) return true;
  return (await readProc(pid, 'mountinfo')).includes(`/${mark}/`);
};

const findMembers = async (confinement: Confinement): Promise<number[]> => {
  const found = new Set(await membersOf(confinement.cgroups));
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (Number.isInteger(pid) && pid !== process.pid && !found.has(pid) && (await belongs(pid, confinement))) found.add(pid);
  }
  return [...found];
};

/** Kills whatever is left of a run's programs, however they were orphaned; returns when none is left. Throws where that takes over 20 s. */
export const killLeftovers = async (confinement: Confinement): Promise<void> => {
  await forbidForks(confinement.cgroups);
  for (const deadline = Date.now() + DEADLINE_MS; ; await delay(10)) {
    const live = (await findMembers(confinement)).map(identifyProcess).filter((identity) => identity !== null);
    if (live.length === 0) return;
    if (Date.now() > deadline) throw new Error(`${live.length} processes of a run survive being killed`);
    for (const identity of live) signalProcess(identity, 'SIGKILL');
  }
};

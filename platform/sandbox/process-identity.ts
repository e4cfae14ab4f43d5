import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { isErrno } from './atomic-file.ts';

/** Names one process for ever: process ids are used again, and start over at a reboot. */
export const processIdentitySchema = z.object({
  bootId: z.string(),
  pid: z.int(),
  /** Clock ticks since boot: field 22 of `/proc/PID/stat`. */
  startTime: z.string(),
});
export type ProcessIdentity = Readonly<z.output<typeof processIdentitySchema>>;

/** In charge where nobody may be any more: equals no process. */
export const NOBODY: ProcessIdentity = { bootId: '', pid: 0, startTime: '0' };

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** The identity of a process that executes; null where it is gone, or only a zombie is left. */
export const identifyProcess = (pid: number): ProcessIdentity | null => {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return null;
    throw error;
  }
  // The second field is the program's name in brackets, which may itself hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const startTime = fields[19];
  if (state === 'Z' || state === 'X' || startTime === undefined) return null;
  return { bootId: bootId(), pid, startTime };
};

export const isSameProcess = (one: ProcessIdentity, other: ProcessIdentity): boolean =>
  one.pid === other.pid && one.startTime === other.startTime && one.bootId === other.bootId;

/** Whether exactly this process still executes. */
export const isAlive = (identity: ProcessIdentity): boolean => {
  const now = identity.pid > 0 ? identifyProcess(identity.pid) : null;
  return now !== null && isSameProcess(now, identity);
};

/** Sends a signal to exactly this process; false where it is gone. */
export const signalProcess = (identity: ProcessIdentity, signal: NodeJS.Signals): boolean => {
  if (!isAlive(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch (error) {
    if (isErrno(error, 'ESRCH')) return false;
    throw error;
  }
};

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { identifyProcess, type ProcessIdentity, signalProcess } from '../../platform/sandbox/process-identity.ts';

export interface FoundProcess extends ProcessIdentity {
  readonly command: string;
}

const orNothing = (read: () => string): string => {
  try {
    return read();
  } catch {
    // Gone meanwhile, or a zombie: it executes nothing.
    return '';
  }
};

/** Every process that has to do with this data folder: it names it in its command or environment, works in it, or has a piece of it mounted (a sandbox). */
export const processesOf = (dataDir: string): FoundProcess[] => {
  const name = basename(dataDir);
  return readdirSync('/proc').flatMap((entry) => {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    const command = orNothing(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
    const files = ['environ', 'mountinfo'].map((file) => orNothing(() => readFileSync(`/proc/${pid}/${file}`, 'utf8')));
    const folder = orNothing(() => readlinkSync(`/proc/${pid}/cwd`));
    const identity = [command, folder, ...files].some((text) => text.includes(name)) ? identifyProcess(pid) : null;
    return identity === null ? [] : [{ ...identity, command }];
  });
};

/** `kill -9` of all of them. */
export const killProcessesOf = (dataDir: string): void => {
  for (const found of processesOf(dataDir)) signalProcess(found, 'SIGKILL');
};

import { readdirSync, readFileSync } from 'node:fs';
import { isErrno } from '../../platform/sandbox/atomic-file.ts';
import { identifyProcess, type ProcessIdentity } from '../../platform/sandbox/process-identity.ts';
import { dataPaths } from '../../platform/settings.ts';
import type { ProcessName } from './station-file.ts';

/** What only this process's command line holds, one argument each. The data folder is passed for this alone. */
const signOf = (data: string): Readonly<Record<ProcessName, readonly [program: string, place: string]>> => ({
  worker: ['/temporal/worker.ts', data],
  api: ['/api/server.ts', data],
  temporal: ['start-dev', dataPaths(data).temporal],
});

const argumentsOf = (pid: string): readonly string[] => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH', 'EACCES')) return [];
    throw error;
  }
};

/**
 * The processes of a data folder's station that live now, told by their command lines: so one is found that was started by an `up` that
 * died before it could write anything down, or whose record is lost.
 */
export const findStationProcesses = (data: string, name: ProcessName): readonly ProcessIdentity[] => {
  const [program, place] = signOf(data)[name];
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    const argv = argumentsOf(pid);
    const identity = argv.includes(place) && argv.some((argument) => argument.endsWith(program)) ? identifyProcess(Number(pid)) : null;
    return identity === null ? [] : [identity];
  });
};

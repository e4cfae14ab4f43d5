import { setTimeout as pause } from 'node:timers/promises';
import { isAlive, signalProcess } from '../../platform/sandbox/process-identity.ts';
import type { ProcessName } from './station-file.ts';
import { findStationProcesses } from './station-processes.ts';

const GRACE_MS = 5_000;

/**
 * The worker is killed outright: asked to end, it would stop its runs, and those are for the next worker to adopt.
 * Temporal comes last, as in an ordered shutdown.
 */
const FIRST_SIGNAL = { worker: 'SIGKILL', api: 'SIGTERM', temporal: 'SIGTERM' } as const satisfies Record<ProcessName, NodeJS.Signals>;
const ORDER = ['worker', 'api', 'temporal'] as const satisfies readonly ProcessName[];

/**
 * Ends what a killed `codebay up` left running on a data folder, each process by its exact identity. Only for who holds the folder.
 * Returns the names of those that were alive.
 */
export const endLeftovers = async (data: string): Promise<readonly ProcessName[]> => {
  const ended: ProcessName[] = [];
  for (const name of ORDER) {
    for (const identity of findStationProcesses(data, name)) {
      if (!signalProcess(identity, FIRST_SIGNAL[name])) continue;
      ended.push(name);
      const deadline = Date.now() + GRACE_MS;
      while (isAlive(identity)) {
        if (Date.now() > deadline) signalProcess(identity, 'SIGKILL');
        await pause(20);
      }
    }
  }
  return ended;
};

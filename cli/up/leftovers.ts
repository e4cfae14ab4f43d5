import { setTimeout as pause } from 'node:timers/promises';
import { isAlive, signalProcess } from '../../platform/sandbox/process-identity.ts';
import type { ProcessName, StationFile } from './station-file.ts';

const GRACE_MS = 5_000;

/**
 * The worker is killed outright: asked to end, it would stop its runs, and those are for the next worker to adopt.
 * Temporal comes last, as in an ordered shutdown.
 */
const FIRST_SIGNAL = { worker: 'SIGKILL', api: 'SIGTERM', temporal: 'SIGTERM' } as const satisfies Record<ProcessName, NodeJS.Signals>;
const ORDER = ['worker', 'api', 'temporal'] as const satisfies readonly ProcessName[];

/** Ends what a killed `codebay up` left running, each process by its exact identity. Returns the names of those that were alive. */
export const endLeftovers = async (last: StationFile | null): Promise<readonly ProcessName[]> => {
  const ended: ProcessName[] = [];
  for (const name of ORDER) {
    const identity = last?.processes[name];
    if (identity === undefined || !signalProcess(identity, FIRST_SIGNAL[name])) continue;
    ended.push(name);
    const deadline = Date.now() + GRACE_MS;
    while (isAlive(identity)) {
      if (Date.now() > deadline) signalProcess(identity, 'SIGKILL');
      await pause(20);
    }
  }
  return ended;
};

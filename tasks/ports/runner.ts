import type { RunObservation, RunOrder } from '../run.ts';

/** Where runs execute. A run's life is never tied to the process that asked for it. */
export interface Runner {
  /** Idempotent by run id: a run that is there already is left as it is. Throws `IsolationUnavailableError` where nothing can isolate it. */
  start(order: RunOrder): Promise<void>;
  observe(runId: string): Promise<RunObservation>;
  /** Asks the run to take a last checkpoint and end, and ends it by force after `graceMs`. Returns when its whole process tree is gone. Idempotent. */
  stop(runId: string, graceMs: number): Promise<void>;
  /** Removes everything the run left on the runner (folders, Jobs, Secrets), ending it first by force. Idempotent. */
  remove(runId: string): Promise<void>;
  /** Ids of all runs of this station that the runner still holds. */
  list(): Promise<readonly string[]>;
}

export class IsolationUnavailableError extends Error {
  override readonly name = 'IsolationUnavailableError';
}

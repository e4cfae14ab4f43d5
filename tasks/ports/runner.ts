import type { RunObservation, RunOrder } from '../run.ts';

/** Where runs execute. A run's life is never tied to the process that asked for it. */
export interface Runner {
  /** Idempotent by run id: a run that is there already is left as it is. Throws `IsolationUnavailableError` where nothing can isolate it. */
  start(order: RunOrder): Promise<void>;
  /** With `waitMs`: answers as soon as the run is no longer running, and after that time, or the signal's abort, in any case. */
  observe(runId: string, options?: { readonly waitMs?: number; readonly signal?: AbortSignal }): Promise<RunObservation>;
  /**
   * Asks the run to take a last checkpoint and end, and ends it by force after `graceMs` (or after the grace period that it was started
   * with, where the runner knows no other). Returns when its whole process tree is gone. Idempotent.
   */
  stop(runId: string, graceMs: number): Promise<void>;
  /** Removes everything the run left on the runner (folders, Jobs, Secrets), ending it if it still runs. Idempotent. */
  remove(runId: string): Promise<void>;
  /** Ids of all runs of this station that the runner still holds. */
  list(): Promise<readonly string[]>;
}

export class IsolationUnavailableError extends Error {
  override readonly name = 'IsolationUnavailableError';
}

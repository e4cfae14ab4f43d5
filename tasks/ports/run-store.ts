import type { RunKind } from '../ids.ts';
import type { Checkpoint, Completion, RunPhase, RunRecord } from '../run.ts';

export interface RunPatch {
  /** Only moves to the right (see `RUN_PHASES`). */
  readonly phase?: RunPhase;
  /** Only with a higher `seq`. */
  readonly checkpoint?: Checkpoint;
  /** Written once. */
  readonly completion?: Completion;
}

/** Runs and the slots they hold. */
export interface RunStore {
  /** Makes the run's row, raising the task's current epoch of that kind: writes of earlier runs are refused from then on. Idempotent. */
  open(run: { readonly id: string; readonly taskId: string; readonly kind: RunKind; readonly epoch: number }): Promise<void>;
  /** Grants a slot when that leaves one of the `max` for every run that has waited longer; true when the run holds one. Idempotent. */
  claimSlot(runId: string, max: number): Promise<boolean>;
  /** Ends the run and frees its slot; returns the tasks whose runs wait for one, oldest first. Idempotent. */
  end(runId: string): Promise<readonly string[]>;
  /** All runs of a task, oldest first. */
  list(taskId: string): Promise<readonly RunRecord[]>;
  /** `stale`: the run is ended, closed, no longer the current epoch, or the patch would move it back. */
  write(runId: string, patch: RunPatch): Promise<'written' | 'stale'>;
}

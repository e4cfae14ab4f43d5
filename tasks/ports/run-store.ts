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

/** How many runs may hold a slot at once. */
export interface SlotLimits {
  readonly max: number;
  /** Of one owner; no limit of its own where absent. */
  readonly maxPerOwner?: number | undefined;
}

/**
 * Runs and the slots they hold. A free slot is for the owner who holds fewest, among those for the one who was granted one least recently,
 * of whose runs for the one that has waited longest.
 */
export interface RunStore {
  /** Makes the run's row, raising the task's current epoch of that kind: writes of earlier runs are refused from then on. Idempotent. */
  open(run: { readonly id: string; readonly taskId: string; readonly kind: RunKind; readonly epoch: number }): Promise<void>;
  /** Grants a slot when that leaves one for every run whose turn comes sooner; true when the run holds one. Idempotent. */
  claimSlot(runId: string, limits: SlotLimits): Promise<boolean>;
  /** Ends the run and frees its slot; names up to `next` tasks whose turn it is to take one. Idempotent. */
  end(runId: string, next?: number): Promise<readonly string[]>;
  /** All runs of a task, oldest first. */
  list(taskId: string): Promise<readonly RunRecord[]>;
  /** `stale`: the run is ended, closed, no longer the current epoch, or the patch would move it back. */
  write(runId: string, patch: RunPatch): Promise<'written' | 'stale'>;
}

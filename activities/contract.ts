import type { Artifact } from '../tasks/artifacts.ts';
import type { FailureReason, TaskFailure } from '../tasks/failure.ts';
import type { RunKind } from '../tasks/ids.ts';
import type { RunPhase } from '../tasks/run.ts';
import type { CodeTaskInput } from '../tasks/spec.ts';
import type { TerminalStatus } from '../tasks/status.ts';
import type { TaskProgress, Verification } from '../tasks/task.ts';

/** Activities take one object and return one plain object of references, never contents. Failures carry a `FailureReason` as their type. */

export interface RegisteredTask {
  /** `closed`: the id is terminal, erased or cancelled before it began; the workflow ends at once. */
  readonly admission: 'admitted' | 'cancelled' | 'closed';
  readonly repo: string;
  readonly owner: string;
}

/** The row after a write of progress. */
export interface RecordedProgress {
  /** Higher than the one that was asked for where nothing was written: a reset workflow counts from where it was reset to. */
  readonly revision: number;
  /** The task has ended or was erased; nothing was written. */
  readonly closed: boolean;
}

export interface ClaimedSlot {
  readonly granted: boolean;
  /** This run is over, though its task is not: a workflow before its reset had it. Absent in what earlier releases answered. */
  readonly ended?: boolean;
}

export interface ResolvedSource {
  /** Null for zips. */
  readonly commit: string | null;
}

export interface StagedCode {
  readonly size_bytes: number;
  readonly sha256: string;
  readonly files: number;
}

export interface RunReference {
  readonly task_id: string;
  readonly run_id: string;
}

export type WatchedRun =
  /** The run entered this phase, or the watcher hands over (its worker drains, or it watched for long): ask again. */
  | { readonly state: 'running'; readonly phase: RunPhase }
  | { readonly state: 'succeeded'; readonly exit_code: number | null; readonly detail: string }
  /** Gone without a completion, or stopped by the station: a successor may resume from the last checkpoint. */
  | {
      readonly state: 'lost';
      readonly detail: string;
      readonly interrupted: boolean;
      /** What the task fails for when it happens too often; `RUN_LOST` where absent, as in what earlier releases answered. */
      readonly reason?: 'EVICTED';
    }
  | { readonly state: 'failed'; readonly reason: FailureReason; readonly detail: string };

/** Bookkeeping: idempotent, quick, run as local activities. */
export interface BookkeepingActivities {
  /** Registers a direct start, or finds the row; refuses ids that are terminal or erased. */
  registerTask(input: { readonly task_id: string; readonly input: CodeTaskInput }): Promise<RegisteredTask>;
  /** Writes the row by compare-and-set and appends the status event. Earlier releases answered nothing. */
  recordProgress(input: {
    readonly task_id: string;
    readonly revision: number;
    readonly patch: Partial<TaskProgress>;
  }): Promise<RecordedProgress | undefined>;
  /** Opens the run (raising the epoch) and asks for a slot. */
  claimSlot(input: {
    readonly task_id: string;
    readonly run_id: string;
    readonly kind: RunKind;
    readonly epoch: number;
  }): Promise<ClaimedSlot>;
}

export interface SourceActivities {
  /** Pins the commit, or checks the zip. */
  resolveSource(input: { readonly task_id: string; readonly spec: CodeTaskInput['spec'] }): Promise<ResolvedSource>;
  /** Clones or unpacks, and streams the code to the object store. Any worker can retry it. */
  stageCode(input: { readonly task_id: string; readonly spec: CodeTaskInput['spec']; readonly commit: string | null }): Promise<StagedCode>;
}

export interface RunActivities {
  startRun(input: RunReference & { readonly time_ms: number; readonly setup_ms: number }): Promise<void>;
  /** Returns when the run's phase is no longer `seen_phase`, or it ended. */
  watchRun(input: RunReference & { readonly seen_phase: RunPhase }): Promise<WatchedRun>;
  /** Stops the run with a last checkpoint; the tree of processes is gone afterwards. */
  stopRun(input: RunReference & { readonly grace_ms: number }): Promise<void>;
  /** Removes what the runner holds, frees the slot and offers it to those who wait. */
  releaseRun(input: RunReference): Promise<void>;
}

/** How a task ends, as far as is known. */
export interface TaskEnding {
  readonly task_id: string;
  readonly status: TerminalStatus;
  readonly failure: TaskFailure | null;
  readonly verification: Verification | null;
}

export interface OutputActivities {
  /**
   * Copies the outputs of the newest agent's run, or what its last checkpoint and log hold, and the log of the newest verifying
   * run, to the task's artifacts, and commits the manifest. Repeated calls replace the set.
   */
  collectOutputs(input: TaskEnding): Promise<{ readonly artifacts: readonly Artifact[] }>;
  /** The terminal write, the last event, and the removal of everything temporary. */
  finishTask(input: TaskEnding & { readonly revision: number; readonly artifacts: readonly Artifact[] }): Promise<void>;
}

/** Done for the station, not for one task. */
export interface RetentionActivities {
  /** Erases a batch of tasks that ended before this time; `more` says that another call, with the cursor, has more to do. */
  eraseExpired(input: {
    readonly ended_before: number;
    readonly cursor: string | null;
  }): Promise<{ readonly erased: number; readonly next_cursor: string | null; readonly more: boolean }>;
}

export interface OrphanActivities {
  /** Removes the runs whose task's workflow is closed. `kept`: runs of which nothing certain is known. */
  reapOrphans(input: Readonly<Record<string, never>>): Promise<{ readonly removed: number; readonly kept: number }>;
}

export type Activities = BookkeepingActivities &
  SourceActivities &
  RunActivities &
  OutputActivities &
  RetentionActivities &
  OrphanActivities;

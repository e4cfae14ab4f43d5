import type { TaskRecord } from '../task.ts';

export interface Claim {
  /** Who claims: unique per process. */
  readonly by: string;
  /** Nobody else gets the row for so long. */
  readonly leaseMs: number;
  /** Only rows that have waited for at least so long. */
  readonly olderThanMs: number;
  readonly limit: number;
}

/** The task rows seen as an outbox of workflow starts and cancellations. */
export interface StartOutbox {
  /**
   * Claims unfinished rows whose start isn't acknowledged, or whose cancellation was asked for: the latter come again after each lease
   * until they are terminal, so that cancelling needs no acknowledgement.
   */
  claimUnstarted(claim: Claim): Promise<readonly TaskRecord[]>;
  acknowledgeStart(...taskIds: readonly string[]): Promise<void>;
  /** Claims unfinished, acknowledged rows that nobody wrote to for `olderThanMs`, for the reconciler. */
  claimSilent(claim: Claim): Promise<readonly TaskRecord[]>;
  /** Marks the row; idempotent. Returns the row as it is after that, null where there is none. */
  requestCancel(taskId: string): Promise<TaskRecord | null>;
  /** Ends a task that no workflow holds: `CANCELLED`, or `FAILED` with `TERMINATED`. False where it is terminal already. */
  endWithoutWorkflow(taskId: string, end: 'CANCELLED' | 'TERMINATED'): Promise<boolean>;
}

import type { TaskSpec } from '../spec.ts';
import type { TaskStatus } from '../status.ts';
import type { TaskProgress, TaskRecord } from '../task.ts';

export interface NewTask {
  readonly id: string;
  readonly owner: string;
  readonly spec: TaskSpec;
}

/** `stale`: the row has this revision or a later one; `terminal`: the row absorbs; both leave it untouched. */
export type WriteResult = 'written' | 'stale' | 'terminal' | 'missing';

export interface TaskQuery {
  /** Null lists every owner's tasks. */
  readonly owner: string | null;
  readonly status?: TaskStatus;
  readonly repo?: string;
  readonly limit: number;
  /** An opaque cursor from the page before. */
  readonly cursor?: string;
}

/** Where tasks live. The row is the outbox: once `insert` answers `inserted`, the task will be started. */
export interface TaskStore {
  /** `erased`: the id carries a tombstone and is never used again. */
  insert(task: NewTask): Promise<'inserted' | 'exists' | 'erased'>;
  get(id: string): Promise<TaskRecord | null>;
  /** Newest first. An unknown cursor throws `InvalidCursorError`. */
  list(query: TaskQuery): Promise<{ readonly tasks: readonly TaskRecord[]; readonly nextCursor: string | null }>;
  /**
   * Compare-and-set: writes `patch` when `revision` is higher than the row's and the row isn't terminal.
   * Stamps `started_at`, `finished_at` and the phase's timing by itself.
   */
  update(id: string, revision: number, patch: Partial<TaskProgress>): Promise<WriteResult>;
  /** Removes a terminal task with its events, runs, ledger and messages, and leaves a tombstone; false where there is none or it isn't terminal. */
  erase(id: string): Promise<boolean>;
}

export class InvalidCursorError extends Error {
  override readonly name = 'InvalidCursorError';
}

/** Thrown by writes to something that belongs to a task which was never made or has been erased. */
export class UnknownTaskError extends Error {
  override readonly name = 'UnknownTaskError';
  constructor(taskId: string) {
    super(`there is no task ${taskId}`);
  }
}

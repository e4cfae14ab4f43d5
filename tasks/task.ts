import type { Artifact } from './artifacts.ts';
import type { TaskFailure } from './failure.ts';
import type { TaskSpec } from './spec.ts';
import type { TaskPhase, TaskStatus, WaitingFor } from './status.ts';

/** What came of the verify command. `unverified`: none was named, or it could not be run. */
export interface Verification {
  readonly status: 'passed' | 'failed' | 'unverified';
  readonly command: string | null;
  readonly exit_code: number | null;
  readonly detail: string;
}

/** The parts of a task that the workflow writes, all times in milliseconds since 1970. */
export interface TaskProgress {
  readonly status: TaskStatus;
  readonly phase: TaskPhase | null;
  readonly waiting_for: WaitingFor | null;
  readonly failure: TaskFailure | null;
  /** The pinned commit, for git sources. */
  readonly commit: string | null;
  /** The branch whose tip the commit was when it was pinned; null where the task named a tag or a commit, and for zips. */
  readonly branch: string | null;
  readonly verification: Verification | null;
  readonly artifacts: readonly Artifact[];
}

/** One task as the TaskStore keeps it. */
export interface TaskRecord extends TaskProgress {
  readonly id: string;
  readonly owner: string;
  readonly spec: TaskSpec;
  /** The highest workflow revision written so far; 0 before the workflow's first write. */
  readonly revision: number;
  readonly cancel_requested: boolean;
  /** Whether `workflow.start` is known to have been accepted. */
  readonly start_acknowledged: boolean;
  /** When each phase was first entered, in milliseconds since 1970. */
  readonly timings: Readonly<Partial<Record<TaskPhase, number>>>;
  readonly created_at: number;
  readonly started_at: number | null;
  readonly finished_at: number | null;
  readonly updated_at: number;
}

/** The part of a repository that tasks are filtered by: host and path without `.git`, or `zip`. */
export const repositoryOf = (spec: TaskSpec): string => {
  if (spec.source.type === 'zip') return 'zip';
  return spec.source.url
    .replace(/^[a-z+]+:\/\//i, '')
    .replace(/^[^@/]*@/, '')
    .replace(/\/+$/, '')
    .replace(/\.git$/, '');
};

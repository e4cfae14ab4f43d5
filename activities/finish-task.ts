import { FeedUnavailableError } from '../tasks/ports/feed-unavailable-error.ts';
import { type CleanUpDeps, cleanUpTask } from './clean-up.ts';
import type { OutputActivities } from './contract.ts';
import { publishResults, type ResultPublication } from './publish-results.ts';
import { type RecordProgressDeps, writeRevision } from './record-progress.ts';

export interface FinishTaskDeps extends RecordProgressDeps, CleanUpDeps {
  /** Null where nobody wants results. */
  readonly publication: ResultPublication | null;
}

const LEASE_MS = 15_000;

/** Writes the end, tells it at once, then cleans up. Inputs are kept until here. A result that can't be told now is left to the sweeper. */
export const createFinishTask = (deps: FinishTaskDeps): OutputActivities['finishTask'] => {
  const publish = async (taskId: string): Promise<void> => {
    if (deps.publication === null) return;
    try {
      await publishResults(deps.publication, { by: `finish-${taskId}`, leaseMs: LEASE_MS, olderThanMs: 0, limit: 1, taskId });
    } catch (error) {
      if (!(error instanceof FeedUnavailableError)) throw error;
    }
  };
  return async ({ task_id, revision, status, failure, verification, artifacts }) => {
    await writeRevision(deps, task_id, revision, { status, failure, verification, artifacts, phase: null, waiting_for: null });
    await Promise.all([publish(task_id), cleanUpTask(deps, task_id)]);
  };
};

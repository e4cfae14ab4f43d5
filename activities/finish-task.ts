import { type CleanUpDeps, cleanUpTask } from './clean-up.ts';
import type { OutputActivities } from './contract.ts';
import { type RecordProgressDeps, writeRevision } from './record-progress.ts';

/** Writes the end, then cleans up. Inputs are kept until here. */
export const createFinishTask = (deps: RecordProgressDeps & CleanUpDeps): OutputActivities['finishTask'] => {
  return async ({ task_id, revision, status, failure, verification, artifacts }) => {
    await writeRevision(deps, task_id, revision, { status, failure, verification, artifacts, phase: null, waiting_for: null });
    await cleanUpTask(deps, task_id);
  };
};

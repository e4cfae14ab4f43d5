import { codePrefix, runPrefix, turnPrefix, uploadPrefix } from '../tasks/object-keys.ts';
import type { EventLog } from '../tasks/ports/event-log.ts';
import type { ObjectStore } from '../tasks/ports/object-store.ts';
import type { RunStore } from '../tasks/ports/run-store.ts';
import type { Runner } from '../tasks/ports/runner.ts';
import type { TaskStore } from '../tasks/ports/task-store.ts';
import type { OutputActivities } from './contract.ts';
import { writeRevision } from './record-progress.ts';

interface FinishTaskDeps {
  readonly tasks: TaskStore;
  readonly events: EventLog;
  readonly runs: RunStore;
  readonly runner: Runner;
  readonly objects: ObjectStore;
  readonly now: () => number;
}

/** Writes the end, then removes everything that only a living task needs. Inputs are kept until here. */
export const createFinishTask = (deps: FinishTaskDeps): OutputActivities['finishTask'] => {
  const { runs, runner, objects } = deps;
  return async ({ task_id, revision, status, failure, verification, artifacts }) => {
    await writeRevision(deps, task_id, revision, { status, failure, verification, artifacts, phase: null, waiting_for: null });
    for (const { id } of await runs.list(task_id)) {
      await runner.remove(id);
      await runs.end(id);
      await objects.deletePrefix(runPrefix(id));
    }
    for (const prefix of [uploadPrefix(task_id), codePrefix(task_id), turnPrefix(task_id)]) await objects.deletePrefix(prefix);
  };
};

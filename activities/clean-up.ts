import { codePrefix, runPrefix, turnPrefix, uploadPrefix } from '../tasks/object-keys.ts';
import type { ObjectStore } from '../tasks/ports/object-store.ts';
import type { RunStore } from '../tasks/ports/run-store.ts';
import type { Runner } from '../tasks/ports/runner.ts';

export interface CleanUpDeps {
  readonly runs: RunStore;
  readonly runner: Runner;
  readonly objects: ObjectStore;
}

/** Removes everything that only a living task needs: its runs, its inputs, what the runs uploaded. Idempotent. */
export const cleanUpTask = async ({ runs, runner, objects }: CleanUpDeps, taskId: string): Promise<void> => {
  for (const { id } of await runs.list(taskId)) {
    await runner.remove(id);
    await runs.end(id);
    await objects.deletePrefix(runPrefix(id));
  }
  for (const prefix of [uploadPrefix(taskId), codePrefix(taskId), turnPrefix(taskId)]) await objects.deletePrefix(prefix);
};

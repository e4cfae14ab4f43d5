import { artifactPrefix, codePrefix, runPrefix, turnPrefix, uploadPrefix } from './object-keys.ts';
import type { Engine } from './ports/engine.ts';
import type { ObjectStore } from './ports/object-store.ts';
import type { RunStore } from './ports/run-store.ts';
import type { TaskStore } from './ports/task-store.ts';
import { isTerminal } from './status.ts';

export interface EraseTaskDeps {
  readonly tasks: Pick<TaskStore, 'get' | 'erase'>;
  readonly runs: Pick<RunStore, 'list'>;
  readonly objects: Pick<ObjectStore, 'deletePrefix'>;
  readonly engine: Pick<Engine, 'describe' | 'erase'>;
}

/** `closing`: the row is terminal, but its workflow still cleans up; both it and `unfinished` leave everything as it is. */
export type Erasure = 'erased' | 'unfinished' | 'closing';

/**
 * Removes a finished task: its objects, its history, then its row with all that hangs on it, which leaves a tombstone. The row goes
 * last because it alone knows the rest: an erasure that was cut off is simply done again. A task that isn't there counts as erased.
 */
export const createEraseTask =
  ({ tasks, runs, objects, engine }: EraseTaskDeps) =>
  async (id: string): Promise<Erasure> => {
    const task = await tasks.get(id);
    if (task === null) return 'erased';
    if (!isTerminal(task.status)) return 'unfinished';
    if ((await engine.describe(id)) === 'running') return 'closing';
    const ofRuns = (await runs.list(id)).map((run) => runPrefix(run.id));
    for (const prefix of [uploadPrefix(id), codePrefix(id), turnPrefix(id), artifactPrefix(id), ...ofRuns])
      await objects.deletePrefix(prefix);
    await engine.erase(id);
    await tasks.erase(id);
    return 'erased';
  };

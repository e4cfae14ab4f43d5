import { type Engine, EngineUnavailableError } from '../tasks/ports/engine.ts';
import type { StartOutbox } from '../tasks/ports/start-outbox.ts';
import type { Starter } from '../tasks/ports/starter.ts';
import type { TaskStore } from '../tasks/ports/task-store.ts';
import type { CodeTaskInput } from '../tasks/spec.ts';
import { isTerminal } from '../tasks/status.ts';
import type { TaskRecord } from '../tasks/task.ts';

interface StarterDeps {
  readonly tasks: TaskStore;
  readonly outbox: StartOutbox;
  readonly engine: Engine;
  readonly log: { warn(fields: object, message: string): void };
}

export const inputOf = ({ spec, owner }: Pick<TaskRecord, 'spec' | 'owner'>): CodeTaskInput => ({ version: 1, spec, owner });

/** The one door: every way in ends here. What can't be done at once is left in the row for the sweeper. */
export const createStarter = ({ tasks, outbox, engine, log }: StarterDeps): Starter => {
  const unlessAway = async (taskId: string, action: () => Promise<unknown>): Promise<void> => {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof EngineUnavailableError)) throw error;
      log.warn({ task_id: taskId }, 'Temporal does not answer; the sweeper will go on with this task');
    }
  };
  return {
    async submit(task) {
      const inserted = await tasks.insert(task);
      if (inserted === 'erased') return 'erased';
      const row = inserted === 'inserted' ? null : await tasks.get(task.id);
      if (row === null || (!row.start_acknowledged && !isTerminal(row.status))) {
        await unlessAway(task.id, async () => {
          await engine.start(task.id, inputOf(row ?? task));
          await outbox.acknowledgeStart(task.id);
        });
      }
      return inserted === 'inserted' ? 'accepted' : 'exists';
    },
    async cancel(taskId) {
      const row = await outbox.requestCancel(taskId);
      if (row !== null && !isTerminal(row.status)) await unlessAway(taskId, () => engine.cancel(taskId));
      return row;
    },
  };
};

import { Context } from '@temporalio/activity';
import { taskIdOfRun } from '../tasks/ids.ts';
import type { Engine } from '../tasks/ports/engine.ts';
import type { TaskStore } from '../tasks/ports/task-store.ts';
import { isTerminal } from '../tasks/status.ts';
import { type CleanUpDeps, cleanUpTask } from './clean-up.ts';
import type { OrphanActivities } from './contract.ts';

interface ReapOrphansDeps extends CleanUpDeps {
  readonly tasks: Pick<TaskStore, 'get'>;
  readonly engine: Pick<Engine, 'describe'>;
}

/**
 * `closed`: the workflow has ended, or is past Temporal's retention and the task's row says that it had ended. A workflow and a row that
 * are both absent prove nothing: the station may look into the wrong namespace or an empty database.
 */
const fateOf = async ({ tasks, engine }: ReapOrphansDeps, taskId: string): Promise<'living' | 'closed' | 'unknown'> => {
  const state = await engine.describe(taskId);
  if (state === 'running') return 'living';
  if (state !== 'absent') return 'closed';
  const row = await tasks.get(taskId);
  return row !== null && isTerminal(row.status) ? 'closed' : 'unknown';
};

/** Removes the runs of this station whose workflow is closed, with what their tasks staged. Any error ends the round before anything more is removed. */
export const createReapOrphans = (deps: ReapOrphansDeps): OrphanActivities['reapOrphans'] => {
  const { runner, runs } = deps;
  return async () => {
    const context = Context.current();
    // Listed before the engine is asked: a run that is started later is not looked at.
    const listed = await runner.list();
    let removed = 0;
    let kept = 0;
    for (const runId of listed) {
      context.heartbeat();
      context.cancellationSignal.throwIfAborted();
      const taskId = taskIdOfRun(runId);
      const fate = await fateOf(deps, taskId);
      if (fate === 'unknown') {
        kept += 1;
        context.log.warn('a run is kept although nothing is known of its task', { run_id: runId });
      }
      if (fate !== 'closed') continue;
      await runs.end(runId);
      await runner.remove(runId);
      await cleanUpTask(deps, taskId);
      removed += 1;
      context.log.info('removed a run that no workflow holds', { run_id: runId });
    }
    return { removed, kept };
  };
};

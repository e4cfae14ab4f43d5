import { Context } from '@temporalio/activity';
import { createEraseTask, type EraseTaskDeps } from '../tasks/erase-task.ts';
import { EngineUnavailableError } from '../tasks/ports/engine.ts';
import type { Retention } from '../tasks/ports/retention.ts';
import type { SetupSnapshots } from '../tasks/ports/setup-snapshots.ts';
import { StoreUnavailableError } from '../tasks/ports/store-unavailable-error.ts';
import type { RetentionActivities } from './contract.ts';
import { evictSnapshots, type SnapshotLimits } from './evict-snapshots.ts';

interface EraseExpiredDeps extends EraseTaskDeps {
  readonly snapshots: SetupSnapshots;
  readonly snapshotLimits: SnapshotLimits;
  readonly now: () => number;
  readonly retention: Retention;
  /** Aborts when this worker drains: the rest of the batch is left to the next one. */
  readonly draining: AbortSignal;
}

const BATCH = 50;

/** What is away for all is away for the next task as well: the activity is tried again later. */
const isOutage = (error: unknown): boolean => error instanceof EngineUnavailableError || error instanceof StoreUnavailableError;

/** Erases one batch of tasks that ended long ago. One that can't be erased is logged and left to the next round; it holds up nobody. */
export const createEraseExpired = ({ retention, draining, ...deps }: EraseExpiredDeps): RetentionActivities['eraseExpired'] => {
  const eraseTask = createEraseTask(deps);
  return async ({ ended_before, cursor }) => {
    const context = Context.current();
    if (cursor === null) {
      await retention.forgetKeys();
      await evictSnapshots(deps, () => context.heartbeat());
    }
    const { taskIds, nextCursor } = await retention.expired(ended_before, BATCH, cursor ?? undefined);
    let erased = 0;
    for (const taskId of taskIds) {
      context.heartbeat();
      context.cancellationSignal.throwIfAborted();
      // What was erased is not found again, so the same cursor goes on where this leaves off.
      if (draining.aborted) return { erased, next_cursor: cursor, more: true };
      try {
        if ((await eraseTask(taskId)) === 'erased') erased += 1;
      } catch (error) {
        if (isOutage(error)) throw error;
        context.log.error('an expired task could not be erased; the next round tries again', { task_id: taskId, error });
      }
    }
    return { erased, next_cursor: nextCursor, more: nextCursor !== null };
  };
};

import type { Claim, StartOutbox } from '../../tasks/ports/start-outbox.ts';
import { isTerminal } from '../../tasks/status.ts';
import type { TaskRecord } from '../../tasks/task.ts';
import { type ClaimFilter, type ClaimOrder, claimTasks } from './claim.ts';
import { idempotent, type StoreDatabase, transaction } from './database.ts';
import { encode } from './json-text.ts';
import { lockTask } from './task-lock.ts';
import { endColumns, toTaskRecord } from './task-record.ts';
import { endWaitingRuns } from './waiting-runs.ts';

const UNFINISHED = ['QUEUED', 'PROCESSING'] as const;

type Source = readonly [matches: ClaimFilter, oldestBy: ClaimOrder];

/** Each source by each status by itself, so that every query has an index of its own. */
const claim = async (database: StoreDatabase, request: Claim, ...sources: readonly Source[]): Promise<readonly TaskRecord[]> => {
  const claimed: TaskRecord[] = [];
  for (const [matches, oldestBy] of sources)
    for (const status of UNFINISHED) {
      const limit = request.limit - claimed.length;
      const unfinished: ClaimFilter = (where) => where.and([where('status', '=', status), matches(where)]);
      if (limit > 0) claimed.push(...(await claimTasks(database, { ...request, limit }, unfinished, oldestBy)));
    }
  return claimed;
};

const createRequestCancel =
  (database: StoreDatabase): StartOutbox['requestCancel'] =>
  (taskId) =>
    transaction(database, async (trx) => {
      const row = await lockTask(database, trx, taskId);
      if (row === undefined) return null;
      if (isTerminal(row.status) || row.cancel_requested_at !== null) return toTaskRecord(row);
      const now = database.now();
      await trx.updateTable('tasks').set({ cancel_requested_at: now, updated_at: now }).where('id', '=', taskId).execute();
      await endWaitingRuns(trx, taskId, now);
      return toTaskRecord({ ...row, cancel_requested_at: now, updated_at: now });
    });

const createEndWithoutWorkflow =
  (database: StoreDatabase): StartOutbox['endWithoutWorkflow'] =>
  (taskId, end) => {
    const now = database.now();
    return transaction(database, async (trx, { mayHaveLanded }) => {
      const row = await lockTask(database, trx, taskId);
      if (row === undefined) return false;
      if (isTerminal(row.status)) return mayHaveLanded && row.finished_at === now;
      const failure = { reason: 'TERMINATED', detail: 'The workflow of this task was terminated.' } as const;
      await trx
        .updateTable('tasks')
        .set({
          status: end === 'CANCELLED' ? 'CANCELLED' : 'FAILED',
          failure: end === 'CANCELLED' ? null : encode(failure),
          phase: null,
          waiting_for: null,
          ...endColumns(database, now),
          finished_at: now,
          updated_at: now,
        })
        .where('id', '=', taskId)
        .execute();
      await endWaitingRuns(trx, taskId, now);
      return true;
    });
  };

/** Claims are repeated after each lease until the row no longer matches, so nothing hangs on a process that died with one. */
export const createStartOutbox = (database: StoreDatabase): StartOutbox => ({
  claimUnstarted: (request) => {
    const before = database.now() - request.olderThanMs;
    return claim(
      database,
      request,
      [(where) => where.and([where('start_acknowledged', '=', 0), where('created_at', '<=', before)]), 'created_at'],
      [(where) => where('cancel_requested_at', '<=', before), 'cancel_requested_at'],
    );
  },
  acknowledgeStart: async (...taskIds) => {
    const acknowledge = database.db.updateTable('tasks').set({ start_acknowledged: 1 }).where('id', 'in', taskIds);
    await idempotent(database, () => acknowledge.execute());
  },
  claimSilent: (request) => {
    const before = database.now() - request.olderThanMs;
    return claim(database, request, [
      (where) => where.and([where('start_acknowledged', '=', 1), where('updated_at', '<=', before)]),
      'updated_at',
    ]);
  },
  requestCancel: createRequestCancel(database),
  endWithoutWorkflow: createEndWithoutWorkflow(database),
});

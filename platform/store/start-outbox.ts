import { randomUUID } from 'node:crypto';
import type { ExpressionBuilder, ExpressionWrapper, SqlBool } from 'kysely';
import type { Claim, StartOutbox } from '../../tasks/ports/start-outbox.ts';
import { isTerminal } from '../../tasks/status.ts';
import type { TaskRecord } from '../../tasks/task.ts';
import { idempotent, type StoreDatabase, transaction } from './database.ts';
import { encode } from './json-text.ts';
import type { StoreSchema } from './schema.ts';
import { lockTask } from './task-lock.ts';
import { toTaskRecord } from './task-record.ts';
import { endWaitingRuns } from './waiting-runs.ts';

type Filter = (where: ExpressionBuilder<StoreSchema, 'tasks'>) => ExpressionWrapper<StoreSchema, 'tasks', SqlBool>;

const UNFINISHED = ['QUEUED', 'PROCESSING'] as const;

/** Takes the oldest matching rows that nobody holds: compare-and-set by row, then read back by a token that no other claim has. */
const claim = async (database: StoreDatabase, { by, leaseMs, limit }: Claim, matches: Filter): Promise<readonly TaskRecord[]> => {
  const { db, now } = database;
  const time = now();
  const claimable: Filter = (where) => where.and([where('status', 'in', UNFINISHED), where('claimed_until', '<=', time), matches(where)]);
  const candidates = await db.selectFrom('tasks').select('id').where(claimable).orderBy('created_at').orderBy('id').limit(limit).execute();
  if (candidates.length === 0) return [];

  const token = `${by}:${randomUUID()}`;
  const ids = candidates.map(({ id }) => id);
  const take = db
    .updateTable('tasks')
    .set({ claim_token: token, claimed_until: time + leaseMs })
    .where('id', 'in', ids)
    .where(claimable);
  await idempotent(database, () => take.execute());
  const rows = await db.selectFrom('tasks').selectAll().where('claim_token', '=', token).orderBy('created_at').orderBy('id').execute();
  return rows.map(toTaskRecord);
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
    return claim(database, request, (where) =>
      where.or([
        where.and([where('start_acknowledged', '=', 0), where('created_at', '<=', before)]),
        where('cancel_requested_at', '<=', before),
      ]),
    );
  },
  acknowledgeStart: async (taskId) => {
    const acknowledge = database.db.updateTable('tasks').set({ start_acknowledged: 1 }).where('id', '=', taskId);
    await idempotent(database, () => acknowledge.execute());
  },
  claimSilent: (request) =>
    claim(database, request, (where) =>
      where.and([where('start_acknowledged', '=', 1), where('updated_at', '<=', database.now() - request.olderThanMs)]),
    ),
  requestCancel: createRequestCancel(database),
  endWithoutWorkflow: createEndWithoutWorkflow(database),
});

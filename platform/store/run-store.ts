import type { RunPatch, RunStore } from '../../tasks/ports/run-store.ts';
import { RUN_PHASES, type RunRecord } from '../../tasks/run.ts';
import { type StoreDatabase, type StoreTransaction, transaction } from './database.ts';
import { decode, decodeNullable, encode } from './json-text.ts';
import { prepareQuery } from './prepare-query.ts';
import type { RunRow } from './schema.ts';
import { createClaimSlot, createEnd } from './slots.ts';
import { lockKnownTask, lockTask } from './task-lock.ts';

const toRunRecord = (row: RunRow): RunRecord => ({
  ...row,
  checkpoint: decodeNullable(row.checkpoint),
  completion: decodeNullable(row.completion),
});

const createOpen =
  (database: StoreDatabase): RunStore['open'] =>
  ({ id, taskId, kind, epoch }) =>
    transaction(database, async (trx) => {
      await lockKnownTask(database, trx, taskId);
      const now = database.now();
      // A predecessor that still waits for a slot will never use it.
      await trx
        .updateTable('runs')
        .set({ ended_at: now, phase: 'closed' })
        .where('task_id', '=', taskId)
        .where('kind', '=', kind)
        .where('epoch', '<', epoch)
        .where('granted_at', 'is', null)
        .where('ended_at', 'is', null)
        .execute();
      const row: RunRow = {
        id,
        task_id: taskId,
        kind,
        epoch,
        phase: 'fetching',
        checkpoint: null,
        completion: null,
        created_at: now,
        granted_at: null,
        ended_at: null,
      };
      await database.dialect.insertIgnore(trx.insertInto('runs').values(row), 'id').execute();
    });

const isSuperseded = async (trx: StoreTransaction, { task_id, kind, epoch }: RunRow): Promise<boolean> => {
  const later = await trx
    .selectFrom('runs')
    .select('id')
    .where('task_id', '=', task_id)
    .where('kind', '=', kind)
    .where('epoch', '>', epoch)
    .limit(1)
    .executeTakeFirst();
  return later !== undefined;
};

const movesBack = (row: RunRow, { phase, checkpoint, completion }: RunPatch): boolean =>
  (phase !== undefined && RUN_PHASES.indexOf(phase) < RUN_PHASES.indexOf(row.phase)) ||
  (checkpoint !== undefined && row.checkpoint !== null && checkpoint.seq <= decode(row.checkpoint).seq) ||
  (completion !== undefined && row.completion !== null);

/** Whether the row is what the patch makes of it. */
const holds = (row: RunRow, { phase, checkpoint, completion }: RunPatch): boolean =>
  (phase === undefined || phase === row.phase) &&
  (checkpoint === undefined || encode(checkpoint) === row.checkpoint) &&
  (completion === undefined || encode(completion) === row.completion);

const createWrite =
  (database: StoreDatabase): RunStore['write'] =>
  async (runId, patch) => {
    const run = await database.db.selectFrom('runs').select('task_id').where('id', '=', runId).executeTakeFirst();
    if (run === undefined) return 'stale';
    return transaction(database, async (trx, { mayHaveLanded }) => {
      // With the task's row held no successor can be opened between the check and the write, with the run's own it can't be ended.
      await lockTask(database, trx, run.task_id);
      const row = await database.dialect.forUpdate(trx.selectFrom('runs').selectAll().where('id', '=', runId)).executeTakeFirst();
      if (row !== undefined && mayHaveLanded && holds(row, patch)) return 'written';
      if (row === undefined || row.phase === 'closed') return 'stale';
      if (movesBack(row, patch) || (await isSuperseded(trx, row))) return 'stale';
      await trx
        .updateTable('runs')
        .set({
          phase: patch.phase ?? row.phase,
          checkpoint: patch.checkpoint === undefined ? row.checkpoint : encode(patch.checkpoint),
          completion: patch.completion === undefined ? row.completion : encode(patch.completion),
        })
        .where('id', '=', runId)
        .execute();
      return 'written';
    });
  };

const createList = ({ db, read }: StoreDatabase): RunStore['list'] => {
  const ofTask = prepareQuery(db.selectFrom('runs').selectAll().where('task_id', '=', '').orderBy('created_at').orderBy('epoch'));
  return async (taskId) => (await read(ofTask(taskId))).map(toRunRecord);
};

export const createRunStore = (database: StoreDatabase): RunStore => ({
  open: createOpen(database),
  claimSlot: createClaimSlot(database),
  end: createEnd(database),
  list: createList(database),
  write: createWrite(database),
});

import type { RunStore } from '../../tasks/ports/run-store.ts';
import { idempotent, type StoreDatabase, type StoreTransaction, transaction } from './database.ts';
import { nextInLine } from './slot-queue.ts';

/** Notes that the owner has had a turn, after all others. */
const noteTurn = async (database: StoreDatabase, trx: StoreTransaction, runId: string): Promise<void> => {
  const { owner } = await trx
    .selectFrom('runs')
    .innerJoin('tasks', 'tasks.id', 'runs.task_id')
    .select('tasks.owner')
    .where('runs.id', '=', runId)
    .executeTakeFirstOrThrow();
  const { last } = await trx
    .selectFrom('slot_turns')
    .select((row) => row.fn.max('turn').as('last'))
    .executeTakeFirstOrThrow();
  const turn = Number(last ?? 0) + 1;
  await database.dialect.insertIgnore(trx.insertInto('slot_turns').values({ owner, turn }), 'owner').execute();
  await trx.updateTable('slot_turns').set({ turn }).where('owner', '=', owner).execute();
};

/** A head of the queue that is slow to ask keeps its own slot but doesn't hold up the others. */
export const createClaimSlot =
  (database: StoreDatabase): RunStore['claimSlot'] =>
  (runId, { max, maxPerOwner }) =>
    transaction(database, async (trx) => {
      await database.dialect.forUpdate(trx.selectFrom('locks').select('name').where('name', '=', 'slots')).execute();
      const run = await trx.selectFrom('runs').select(['granted_at', 'ended_at']).where('id', '=', runId).executeTakeFirst();
      if (run === undefined || run.ended_at !== null) return false;
      if (run.granted_at !== null) return true;
      const { held } = await trx
        .selectFrom('runs')
        .select((row) => row.fn.countAll().as('held'))
        .where('ended_at', 'is', null)
        .where('granted_at', 'is not', null)
        .executeTakeFirstOrThrow();
      const free = max - Number(held);
      // Most who ask come while none is free; the queue isn't looked at for them.
      if (free <= 0) return false;
      const next = await nextInLine(trx, { limit: free, maxPerOwner });
      if (!next.some(({ id }) => id === runId)) return false;
      const { numUpdatedRows } = await trx
        .updateTable('runs')
        .set({ granted_at: database.now() })
        .where('id', '=', runId)
        // It may have been ended since it was read: only grants wait for each other.
        .where('ended_at', 'is', null)
        .executeTakeFirst();
      if (numUpdatedRows !== 1n) return false;
      await noteTurn(database, trx, runId);
      return true;
    });

/** Also closes the run, so that the gateway takes nothing more from it. */
export const createEnd =
  (database: StoreDatabase): RunStore['end'] =>
  async (runId, next = 0) => {
    const { db, now } = database;
    const end = db.updateTable('runs').set({ ended_at: now(), phase: 'closed' }).where('id', '=', runId).where('ended_at', 'is', null);
    await idempotent(database, () => end.execute());
    if (next === 0) return [];
    return (await nextInLine(db, { limit: next })).map(({ task_id }) => task_id);
  };

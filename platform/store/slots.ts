import type { RunStore } from '../../tasks/ports/run-store.ts';
import { idempotent, type StoreDatabase, transaction } from './database.ts';

/**
 * A run is granted a slot when that leaves one for every run that has waited longer. A head of the queue that is slow to ask
 * keeps its own slot but doesn't hold up the others.
 */
export const createClaimSlot =
  (database: StoreDatabase): RunStore['claimSlot'] =>
  (runId, max) =>
    transaction(database, async (trx) => {
      await database.dialect.forUpdate(trx.selectFrom('locks').select('name').where('name', '=', 'slots')).execute();
      const run = await trx.selectFrom('runs').selectAll().where('id', '=', runId).executeTakeFirst();
      if (run === undefined || run.ended_at !== null) return false;
      if (run.granted_at !== null) return true;
      const { ahead } = await trx
        .selectFrom('runs')
        .select((row) => row.fn.countAll().as('ahead'))
        .where('ended_at', 'is', null)
        .where((where) =>
          where.or([
            where('granted_at', 'is not', null),
            where('created_at', '<', run.created_at),
            where.and([where('created_at', '=', run.created_at), where('id', '<', run.id)]),
          ]),
        )
        .executeTakeFirstOrThrow();
      if (Number(ahead) >= max) return false;
      const { numUpdatedRows } = await trx
        .updateTable('runs')
        .set({ granted_at: database.now() })
        .where('id', '=', runId)
        // It may have been ended since it was read: only grants wait for each other.
        .where('ended_at', 'is', null)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    });

/** Also closes the run, so that the gateway takes nothing more from it. */
export const createEnd =
  (database: StoreDatabase): RunStore['end'] =>
  async (runId) => {
    const { db, now } = database;
    const end = db.updateTable('runs').set({ ended_at: now(), phase: 'closed' }).where('id', '=', runId).where('ended_at', 'is', null);
    await idempotent(database, () => end.execute());
    const waiting = await db
      .selectFrom('runs')
      .select('task_id')
      .where('ended_at', 'is', null)
      .where('granted_at', 'is', null)
      .orderBy('created_at')
      .orderBy('id')
      .execute();
    return [...new Set(waiting.map(({ task_id }) => task_id))];
  };

import { randomUUID } from 'node:crypto';
import type { ExpressionBuilder, ExpressionWrapper, SqlBool } from 'kysely';
import type { Claim } from '../../tasks/ports/start-outbox.ts';
import type { TaskRecord } from '../../tasks/task.ts';
import { idempotent, type StoreDatabase } from './database.ts';
import type { StoreSchema } from './schema.ts';
import { toTaskRecord } from './task-record.ts';

export type ClaimFilter = (where: ExpressionBuilder<StoreSchema, 'tasks'>) => ExpressionWrapper<StoreSchema, 'tasks', SqlBool>;

/** The time that says which row has waited longest. */
export type ClaimOrder = 'created_at' | 'cancel_requested_at' | 'updated_at' | 'result_due_at';

/**
 * Takes the oldest matching rows that nobody holds: compare-and-set by row, then read back by a token that no other claim has. Sweepers
 * ask every second, mostly for nothing: an index must hold the filter's equal columns followed by `oldestBy`, or MySQL walks all tasks.
 */
export const claimTasks = async (
  database: StoreDatabase,
  { by, leaseMs, limit }: Claim,
  matches: ClaimFilter,
  oldestBy: ClaimOrder,
): Promise<readonly TaskRecord[]> => {
  const { db, now } = database;
  const time = now();
  const claimable: ClaimFilter = (where) => where.and([where('claimed_until', '<=', time), matches(where)]);
  const candidates = await db.selectFrom('tasks').select('id').where(claimable).orderBy(oldestBy).orderBy('id').limit(limit).execute();
  if (candidates.length === 0) return [];

  const token = `${by}:${randomUUID()}`;
  const ids = candidates.map(({ id }) => id);
  const take = db
    .updateTable('tasks')
    .set({ claim_token: token, claimed_until: time + leaseMs })
    .where('id', 'in', ids)
    .where(claimable);
  await idempotent(database, () => take.execute());
  const rows = await db.selectFrom('tasks').selectAll().where('claim_token', '=', token).orderBy(oldestBy).orderBy('id').execute();
  return rows.map(toTaskRecord);
};

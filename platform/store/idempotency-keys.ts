import { createHash } from 'node:crypto';
import type { IdempotencyKeys } from '../../tasks/ports/access.ts';
import { type StoreDatabase, transaction } from './database.ts';

/** How long an answer is remembered, at least; the API promises 24 hours. */
const KEPT_MS = 24 * 3600 * 1000;

const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');

const createReserve =
  (database: StoreDatabase): IdempotencyKeys['reserve'] =>
  (owner, key, taskId, leaseMs) =>
    transaction(database, async (trx) => {
      const now = database.now();
      const leased_until = now + leaseMs;
      const kept_until = leased_until + KEPT_MS;
      const key_sha256 = hashOf(key);
      await trx.deleteFrom('idempotency_keys').where('kept_until', '<', now).execute();
      const row = { owner, key_sha256, task_id: taskId, body_sha256: null, leased_until, kept_until };
      const [inserted] = await database.dialect.insertIgnore(trx.insertInto('idempotency_keys').values(row)).execute();
      if (inserted?.numInsertedOrUpdatedRows === 1n) return { outcome: 'reserved', taskId, takenOver: false };

      const found = await database.dialect
        .forUpdate(trx.selectFrom('idempotency_keys').selectAll().where('owner', '=', owner).where('key_sha256', '=', key_sha256))
        .executeTakeFirstOrThrow();
      if (found.body_sha256 !== null) return { outcome: 'compare', taskId: found.task_id, bodySha256: found.body_sha256 };
      if (found.leased_until > now) return { outcome: 'in_progress', retryAfterMs: found.leased_until - now };
      await trx
        .updateTable('idempotency_keys')
        .set({ leased_until, kept_until })
        .where('owner', '=', owner)
        .where('key_sha256', '=', key_sha256)
        .execute();
      return { outcome: 'reserved', taskId: found.task_id, takenOver: true };
    });

export const createIdempotencyKeys = (database: StoreDatabase): IdempotencyKeys => {
  const { db, now } = database;
  return {
    reserve: createReserve(database),
    renew: async (owner, key, leaseMs) => {
      await db
        .updateTable('idempotency_keys')
        .set({ leased_until: now() + leaseMs, kept_until: now() + leaseMs + KEPT_MS })
        .where('owner', '=', owner)
        .where('key_sha256', '=', hashOf(key))
        .where('body_sha256', 'is', null)
        .execute();
    },
    // The first answer stands, and an answered key is never given free.
    complete: async (owner, key, bodySha256) => {
      await db
        .updateTable('idempotency_keys')
        .set({ body_sha256: bodySha256, kept_until: now() + KEPT_MS })
        .where('owner', '=', owner)
        .where('key_sha256', '=', hashOf(key))
        .where('body_sha256', 'is', null)
        .execute();
    },
    release: async (owner, key) => {
      await db
        .deleteFrom('idempotency_keys')
        .where('owner', '=', owner)
        .where('key_sha256', '=', hashOf(key))
        .where('body_sha256', 'is', null)
        .execute();
    },
  };
};

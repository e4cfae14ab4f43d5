import { createHash } from 'node:crypto';
import type { IdempotencyKeys } from '../../tasks/ports/access.ts';
import { idempotent, type StoreDatabase, transaction } from './database.ts';

/** How long an answer is remembered, at least; the API promises 24 hours. */
const KEPT_MS = 24 * 3600 * 1000;

const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');

const createReserve =
  (database: StoreDatabase): IdempotencyKeys['reserve'] =>
  (owner, key, taskId, leaseMs) =>
    transaction(database, async (trx, { mayHaveLanded }) => {
      const now = database.now();
      const leased_until = now + leaseMs;
      const kept_until = leased_until + KEPT_MS;
      const key_sha256 = hashOf(key);
      await trx.deleteFrom('idempotency_keys').where('kept_until', '<', now).execute();
      const row = { owner, key_sha256, task_id: taskId, body_sha256: null, leased_until, kept_until };
      const [inserted] = await database.dialect.insertIgnore(trx.insertInto('idempotency_keys').values(row), 'owner').execute();
      if (inserted?.numInsertedOrUpdatedRows === 1n) return { outcome: 'reserved', taskId, takenOver: false };

      const found = await database.dialect
        .forUpdate(trx.selectFrom('idempotency_keys').selectAll().where('owner', '=', owner).where('key_sha256', '=', key_sha256))
        .executeTakeFirstOrThrow();
      if (found.body_sha256 !== null) return { outcome: 'compare', taskId: found.task_id, bodySha256: found.body_sha256 };
      // No other request has this task id. A key that was taken over under another one is waited for, as if somebody else held it.
      if (mayHaveLanded && found.task_id === taskId) return { outcome: 'reserved', taskId, takenOver: false };
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
  // The first answer stands, and an answered key is never given free.
  const changeOpen = (
    owner: string,
    key: string,
    change: { readonly [C in 'leased_until' | 'kept_until']?: number } & { body_sha256?: string },
  ) => {
    const update = db
      .updateTable('idempotency_keys')
      .set(change)
      .where('owner', '=', owner)
      .where('key_sha256', '=', hashOf(key))
      .where('body_sha256', 'is', null);
    return idempotent(database, () => update.execute());
  };
  return {
    reserve: createReserve(database),
    renew: async (owner, key, leaseMs) => {
      await changeOpen(owner, key, { leased_until: now() + leaseMs, kept_until: now() + leaseMs + KEPT_MS });
    },
    complete: async (owner, key, bodySha256) => {
      await changeOpen(owner, key, { body_sha256: bodySha256, kept_until: now() + KEPT_MS });
    },
    // Not repeated: by then the key may be somebody else's.
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

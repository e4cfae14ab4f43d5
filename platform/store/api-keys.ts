import { createHash, randomBytes } from 'node:crypto';
import type { ApiKeys } from '../../tasks/ports/access.ts';
import { idempotent, type StoreDatabase } from './database.ts';
import { prepareQuery } from './prepare-query.ts';

const KEY_PATTERN = /^cbk_[A-Za-z0-9_-]{43}$/;
/** Enough of the hash to name one key among any number that people make, too little to be mistaken for the key. */
const ID_DIGITS = 12;
const ID_PATTERN = new RegExp(`^[0-9a-f]{${ID_DIGITS}}$`);
/** A key in use costs one write in this time. */
const USE_NOTED_EVERY_MS = 3600_000;

/** Keys have 256 random bits, so a plain hash can't be searched backwards, and looking one up by it tells nothing by its time. */
const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');

const createVerify = (database: StoreDatabase): ApiKeys['verify'] => {
  const { db, read, now } = database;
  const byHash = prepareQuery(db.selectFrom('api_keys').select(['owner', 'last_used_at', 'revoked_at']).where('sha256', '=', ''));
  return async (key) => {
    if (!KEY_PATTERN.test(key)) return null;
    const sha256 = hashOf(key);
    const [row] = await read(byHash(sha256));
    if (row === undefined || row.revoked_at !== null) return null;
    const time = now();
    if (row.last_used_at === null || time - row.last_used_at >= USE_NOTED_EVERY_MS) {
      const update = db.updateTable('api_keys').set({ last_used_at: time }).where('sha256', '=', sha256);
      await idempotent(database, () => update.execute());
    }
    return row.owner;
  };
};

export const createApiKeys = (database: StoreDatabase): ApiKeys => {
  const { db, now } = database;
  return {
    create: async (owner, label) => {
      const key = `cbk_${randomBytes(32).toString('base64url')}`;
      await db
        .insertInto('api_keys')
        .values({ sha256: hashOf(key), owner, created_at: now(), label: label ?? null, last_used_at: null, revoked_at: null })
        .execute();
      return key;
    },
    verify: createVerify(database),
    list: async () => {
      const rows = await db.selectFrom('api_keys').selectAll().orderBy('created_at').orderBy('sha256').execute();
      return rows.map(({ sha256, ...row }) => ({ id: sha256.slice(0, ID_DIGITS), ...row }));
    },
    revoke: async (id) => {
      if (!ID_PATTERN.test(id)) return false;
      const key = await db.selectFrom('api_keys').select('sha256').where('sha256', 'like', `${id}%`).executeTakeFirst();
      if (key === undefined) return false;
      const update = db.updateTable('api_keys').set({ revoked_at: now() }).where('sha256', '=', key.sha256).where('revoked_at', 'is', null);
      await idempotent(database, () => update.execute());
      return true;
    },
  };
};

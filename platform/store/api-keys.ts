import { createHash, randomBytes } from 'node:crypto';
import type { ApiKeys } from '../../tasks/ports/access.ts';
import type { StoreDatabase } from './database.ts';
import { prepareQuery } from './prepare-query.ts';

const KEY_PATTERN = /^cbk_[A-Za-z0-9_-]{43}$/;

/** Keys have 256 random bits, so a plain hash can't be searched backwards, and looking one up by it tells nothing by its time. */
const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');

export const createApiKeys = ({ db, now }: StoreDatabase): ApiKeys => {
  const byHash = prepareQuery(db.selectFrom('api_keys').select('owner').where('sha256', '=', ''));
  return {
    create: async (owner) => {
      const key = `cbk_${randomBytes(32).toString('base64url')}`;
      await db
        .insertInto('api_keys')
        .values({ sha256: hashOf(key), owner, created_at: now() })
        .execute();
      return key;
    },
    verify: async (key) => {
      if (!KEY_PATTERN.test(key)) return null;
      const [row] = await byHash(db, hashOf(key));
      return row?.owner ?? null;
    },
  };
};

import { sql } from 'kysely';
import { type StoreDatabase, transaction } from './database.ts';
import { MIGRATIONS } from './migrations.ts';

/** Thrown at opening: going on would damage what the newer version wrote. */
export class StoreTooNewError extends Error {
  override readonly name = 'StoreTooNewError';
  constructor(found: number) {
    super(`the store was written by a newer Codebay (schema ${found}, this one knows ${MIGRATIONS.length}); update Codebay`);
  }
}

/** Brings the tables up to date. Any number of processes may do so at once: a step is taken by whoever gets the write lock first. */
export const migrate = async (database: StoreDatabase): Promise<void> => {
  await sql`create table if not exists schema_version (version int not null primary key)`.execute(database.db);
  const readVersion = async (db: StoreDatabase['db']): Promise<number> => {
    const { rows } = await sql<{ version: number | null }>`select max(version) as version from schema_version`.execute(db);
    return rows[0]?.version ?? 0;
  };

  let version = await readVersion(database.db);
  while (version < MIGRATIONS.length) {
    version = await transaction(database, async (trx) => {
      const current = await readVersion(trx);
      const step = MIGRATIONS[current];
      if (step === undefined) return current;
      await sql.raw(step).execute(trx);
      await sql`insert into schema_version (version) values (${current + 1})`.execute(trx);
      return current + 1;
    });
  }
  if (version > MIGRATIONS.length) throw new StoreTooNewError(version);
};

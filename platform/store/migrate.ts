import { type Kysely, sql } from 'kysely';
import { idempotent, type StoreDatabase, transaction } from './database.ts';
import { MIGRATIONS } from './migrations.ts';
import type { StoreSchema } from './schema.ts';

/** Thrown at opening: going on would damage what the newer version wrote. */
export class StoreTooNewError extends Error {
  override readonly name = 'StoreTooNewError';
  constructor(found: number) {
    super(`the store was written by a newer Codebay (schema ${found}, this one knows ${MIGRATIONS.length}); update Codebay`);
  }
}

/** Versions of the schema; 0 is an empty database. */
export interface Migrated {
  readonly from: number;
  readonly to: number;
}

const VERSIONS = 'create table if not exists schema_version (version int not null primary key)';

const readVersion = async (db: Kysely<StoreSchema>): Promise<number> => {
  const { rows } = await sql<{ version: number | null }>`select max(version) as version from schema_version`.execute(db);
  return rows[0]?.version ?? 0;
};

/** Takes the next step, if there is one, and returns the version after it. */
const takeStep = (database: StoreDatabase): Promise<number> =>
  transaction(database, async (trx) => {
    const current = await readVersion(trx);
    const step = MIGRATIONS[current];
    if (step === undefined) return current;
    const { statement, isTaken } = database.dialect.migration;
    try {
      await sql.raw(statement(step)).execute(trx);
    } catch (error) {
      if (!isTaken(error)) throw error;
    }
    await sql`insert into schema_version (version) values (${current + 1})`.execute(trx);
    return current + 1;
  });

/** Brings the tables up to date. Any number of processes may do so at once; a process that dies in the middle is followed by the next. */
export const migrate = (database: StoreDatabase): Promise<Migrated> =>
  idempotent(database, () =>
    database.dialect.migration.alone(database.db, async (db) => {
      // A step alone is not tried again: with its connection the process has lost its turn.
      const held: StoreDatabase = { ...database, db, dialect: { ...database.dialect, interruption: () => null } };
      await sql.raw(held.dialect.migration.statement(VERSIONS)).execute(db);
      const from = await readVersion(db);
      let version = from;
      while (version < MIGRATIONS.length) version = await takeStep(held);
      if (version > MIGRATIONS.length) throw new StoreTooNewError(version);
      return { from, to: version };
    }),
  );

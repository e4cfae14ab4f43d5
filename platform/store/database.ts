import type { InsertQueryBuilder, InsertResult, Kysely, SelectQueryBuilder, Transaction } from 'kysely';
import type { StoreSchema } from './schema.ts';

export type StoreTransaction = Transaction<StoreSchema>;

/** All that differs between the databases a store may live in. The queries are written for READ COMMITTED, without RETURNING. */
export interface StoreDialect {
  /** Holds the rows that the query finds until the transaction ends. */
  forUpdate<TB extends keyof StoreSchema, O>(query: SelectQueryBuilder<StoreSchema, TB, O>): SelectQueryBuilder<StoreSchema, TB, O>;
  /** An insert that does nothing, and reports no row, where the key exists. */
  insertIgnore<TB extends keyof StoreSchema>(
    query: InsertQueryBuilder<StoreSchema, TB, InsertResult>,
  ): InsertQueryBuilder<StoreSchema, TB, InsertResult>;
  /** A cheap value that differs after any process has committed a write. */
  changeToken(db: Kysely<StoreSchema>): Promise<string>;
}

export interface StoreDatabase {
  readonly db: Kysely<StoreSchema>;
  readonly dialect: StoreDialect;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Whether the results of tasks that end by this process are published, and so wait in the `ResultOutbox`. */
  readonly resultsDue: boolean;
}

/** All or nothing. Inside, only `trx` may be used: on SQLite the connection is the transaction's alone. */
export const transaction = <T>(database: StoreDatabase, work: (trx: StoreTransaction) => Promise<T>): Promise<T> =>
  database.db.transaction().setIsolationLevel('read committed').execute(work);

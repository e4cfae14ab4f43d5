import type { CompiledQuery, InsertQueryBuilder, InsertResult, Kysely, SelectQueryBuilder, Transaction } from 'kysely';
import { type Attempt, withAttempts } from './attempts.ts';
import type { StoreSchema } from './schema.ts';

export type StoreTransaction = Transaction<StoreSchema>;

/** How the database takes a migration. */
export interface MigrationDialect {
  /** Runs the steps while no other process does. */
  alone<T>(db: Kysely<StoreSchema>, steps: (db: Kysely<StoreSchema>) => Promise<T>): Promise<T>;
  /** The step in this database's words. */
  statement(step: string): string;
  /** Whether a step failed because it was taken before: by a process that died before it could note so. */
  isTaken(error: unknown): boolean;
}

/** All that differs between the databases a store may live in. The queries are written for READ COMMITTED, without RETURNING. */
export interface StoreDialect {
  /** One transaction at a time writes, so that those who wait for it are better written by one. */
  readonly oneWriter: boolean;
  /** Holds the rows that the query finds until the transaction ends. */
  forUpdate<TB extends keyof StoreSchema, O>(query: SelectQueryBuilder<StoreSchema, TB, O>): SelectQueryBuilder<StoreSchema, TB, O>;
  /** An insert that does nothing, and reports no row, where the key exists; `key` is a column of it. */
  insertIgnore<TB extends keyof StoreSchema>(
    query: InsertQueryBuilder<StoreSchema, TB, InsertResult>,
    key: keyof StoreSchema[TB] & string,
  ): InsertQueryBuilder<StoreSchema, TB, InsertResult>;
  /** One cheap value for each channel, which differs after any process has committed a change in it. See `change-channel.ts`. */
  changeTokens(db: Kysely<StoreSchema>): Promise<readonly string[]>;
  /** Makes a change of the task visible in the tokens, with the commit of the transaction. */
  noteChange(trx: StoreTransaction, taskId: string): Promise<void>;
  /** What is known of a transaction that ended with this error: undone, or perhaps committed; null where trying again changes nothing. */
  interruption(error: unknown): 'undone' | 'unknown' | null;
  readonly migration: MigrationDialect;
}

export interface StoreDatabase {
  readonly db: Kysely<StoreSchema>;
  readonly dialect: StoreDialect;
  /** What is committed, read outside any transaction. On SQLite it waits for none, and costs a fraction of what it costs through Kysely. */
  read<O>(query: CompiledQuery<O>): Promise<readonly O[]>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Whether the results of tasks that end by this process are published, and so wait in the `ResultOutbox`. */
  readonly resultsDue: boolean;
  /** Waits for calls under way. */
  close(): Promise<void>;
}

/**
 * All or nothing. Inside, only `trx` may be used: on SQLite the connection is the transaction's alone. Work that the database interrupted
 * is done again from its start, so it has no effect but through `trx`. Where `attempt.mayHaveLanded`, the reply to an earlier commit was
 * lost: the work must look, under the lock that it takes anyway, whether what it is about to write is there already.
 */
export const transaction = <T>(database: StoreDatabase, work: (trx: StoreTransaction, attempt: Attempt) => Promise<T>): Promise<T> =>
  withAttempts(database.dialect, (attempt) =>
    database.db
      .transaction()
      .setIsolationLevel('read committed')
      .execute((trx) => work(trx, attempt)),
  );

/** Reads on this connection, within its transaction if it is one. */
export const readerOn =
  (db: Kysely<StoreSchema>): StoreDatabase['read'] =>
  async (query) =>
    (await db.executeQuery(query)).rows;

/** A single statement that may be carried out twice without harm. */
export const idempotent = <T>(database: StoreDatabase, statement: () => Promise<T>): Promise<T> =>
  withAttempts(database.dialect, statement);

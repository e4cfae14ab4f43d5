import { Kysely, sql } from 'kysely';
import type { Stores } from '../tasks/ports/stores.ts';
import { noteChange, readChangeTokens } from './mysql/changes.ts';
import { type MysqlAddress, parseMysqlUrl } from './mysql/connection-url.ts';
import { createMysqlDialect } from './mysql/dialect.ts';
import { mysqlMigration } from './mysql/migration.ts';
import { interruptionOf } from './mysql/mysql-error.ts';
import type { ChangeNotifications } from './store/change-feed.ts';
import { readerOn, type StoreDatabase, type StoreDialect } from './store/database.ts';
import { type Migrated, migrate } from './store/migrate.ts';
import type { StoreSchema } from './store/schema.ts';
import { createStores } from './store/stores.ts';

export interface MysqlStoreOptions {
  /** How many connections this process holds at most. */
  readonly connections: number;
  readonly now?: () => number;
  /** How long one statement may take before its caller is told that the store is unavailable. */
  readonly statementTimeoutMs?: number;
  /** Whether the results of tasks that end by this process are published. */
  readonly resultsDue?: boolean;
  readonly notifications?: ChangeNotifications | undefined;
}

const STATEMENT_TIMEOUT_MS = 10_000;
/** A large table takes its time to be changed. */
const MIGRATION_TIMEOUT_MS = 3600_000;
/** One poll reads 64 short rows. */
const CHANGE_POLL_MS = 100;

const createDialect = (address: MysqlAddress): StoreDialect => ({
  oneWriter: false,
  forUpdate: (query) => query.forUpdate(),
  // INSERT IGNORE would also turn a value that doesn't fit, or a missing task, into a warning. This one takes the existing row's write
  // lock, where a plain insert takes a read lock, on which two writers would deadlock.
  insertIgnore: (query, key) => query.modifyEnd(sql`on duplicate key update ${sql.ref(key)} = ${sql.ref(key)}`),
  changeTokens: readChangeTokens,
  noteChange,
  interruption: interruptionOf,
  migration: mysqlMigration(address.database),
});

const openDatabase = (
  url: string,
  { connections, now = Date.now, statementTimeoutMs = STATEMENT_TIMEOUT_MS, resultsDue = false }: MysqlStoreOptions,
): StoreDatabase => {
  const address = parseMysqlUrl(url);
  const db = new Kysely<StoreSchema>({ dialect: createMysqlDialect({ address, connections, statementTimeoutMs }) });
  return { db, dialect: createDialect(address), read: readerOn(db), now, resultsDue, close: () => db.destroy() };
};

/** Makes the tables, or brings them up to date, without opening the store. */
export const migrateMysqlStore = async (url: string): Promise<Migrated> => {
  const database = openDatabase(url, { connections: 1, statementTimeoutMs: MIGRATION_TIMEOUT_MS });
  try {
    return await migrate(database);
  } finally {
    await database.close();
  }
};

/**
 * Opens the store in a MySQL 8 or MariaDB database, migrating it where needed; any number of processes may do so at once. A server that
 * is away later is waited for by nobody for long: calls throw `StoreUnavailableError`, and go through again when it is back.
 */
export const openMysqlStore = async (url: string, options: MysqlStoreOptions): Promise<Stores> => {
  await migrateMysqlStore(url);
  return createStores(openDatabase(url, options), { changePollMs: CHANGE_POLL_MS, notifications: options.notifications });
};

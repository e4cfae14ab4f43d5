import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Kysely, sql } from 'kysely';
import type { Stores } from '../tasks/ports/stores.ts';
import type { ChangeNotifications } from './store/change-feed.ts';
import type { StoreDatabase, StoreDialect } from './store/database.ts';
import { type Migrated, migrate } from './store/migrate.ts';
import { createNodeSqliteDialect, createNodeSqliteReader } from './store/node-sqlite-dialect.ts';
import type { StoreSchema } from './store/schema.ts';
import { createStores } from './store/stores.ts';

const BUSY_TIMEOUT_MS = 10_000;

/** One poll costs a few microseconds. */
const CHANGE_POLL_MS = 50;

const PRAGMAS = [
  // Readers never wait for the writer.
  'journal_mode = wal',
  // A commit is on the disk before it is answered: a 202 survives a power cut.
  'synchronous = full',
  'foreign_keys = on',
  // What is erased is overwritten in the file.
  'secure_delete = on',
];

const dialect: StoreDialect = {
  oneWriter: true,
  // Every transaction begins with the write lock of the whole file.
  forUpdate: (query) => query,
  insertIgnore: (query) => query.orIgnore(),
  changeTokens: async (db) => {
    // The version tells of other connections, the counter of this one.
    const { rows } = await sql<{
      token: string;
    }>`select data_version || '.' || total_changes() as token from pragma_data_version()`.execute(db);
    return [rows[0]?.token ?? ''];
  },
  noteChange: async () => {},
  // The driver waits for the file by itself.
  interruption: () => null,
  // A step and its version number are one transaction, which holds the file.
  migration: { alone: (db, steps) => steps(db), statement: (step) => step, isTaken: () => false },
};

/** Readable by this user alone; SQLite gives its side files the mode of the main file. */
const createPrivateFile = async (file: string): Promise<void> => {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await (await open(file, 'a', 0o600)).close();
};

const openDatabase = async (file: string, now: () => number, resultsDue: boolean): Promise<StoreDatabase> => {
  await createPrivateFile(file);
  const db = new Kysely<StoreSchema>({ dialect: createNodeSqliteDialect({ file, pragmas: PRAGMAS, busyTimeoutMs: BUSY_TIMEOUT_MS }) });
  const reader = createNodeSqliteReader({ file, busyTimeoutMs: BUSY_TIMEOUT_MS });
  const close = async () => {
    reader.close();
    // The connection is handed out in order of asking, so this comes after every call under way.
    await db.connection().execute(async () => {});
    await db.destroy();
  };
  return { db, dialect, read: reader.read, now, resultsDue, close };
};

/** Makes the tables of the file, or brings them up to date, without opening the store. */
export const migrateSqliteStore = async (file: string): Promise<Migrated> => {
  const database = await openDatabase(file, Date.now, false);
  try {
    return await migrate(database);
  } finally {
    await database.db.destroy();
  }
};

/**
 * Opens the embedded store, making and migrating the file where needed. Any number of processes, and connections of one process,
 * may hold the same file open; a write waits up to ten seconds for the others.
 */
export const openSqliteStore = async (
  file: string,
  {
    now = Date.now,
    resultsDue = false,
    notifications,
  }: Partial<Pick<StoreDatabase, 'now' | 'resultsDue'>> & { readonly notifications?: ChangeNotifications | undefined } = {},
): Promise<Stores> => {
  const database = await openDatabase(file, now, resultsDue);
  try {
    await migrate(database);
  } catch (error) {
    await database.db.destroy();
    throw error;
  }
  return createStores(database, { changePollMs: CHANGE_POLL_MS, notifications });
};

import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Kysely, sql } from 'kysely';
import type { Stores } from '../tasks/ports/stores.ts';
import type { StoreDatabase, StoreDialect } from './store/database.ts';
import { migrate } from './store/migrate.ts';
import { createNodeSqliteDialect } from './store/node-sqlite-dialect.ts';
import type { StoreSchema } from './store/schema.ts';
import { createStores } from './store/stores.ts';

const BUSY_TIMEOUT_MS = 10_000;

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
  // Every transaction begins with the write lock of the whole file.
  forUpdate: (query) => query,
  insertIgnore: (query) => query.orIgnore(),
  changeToken: async (db) => {
    // The version tells of other connections, the counter of this one.
    const { rows } = await sql<{
      token: string;
    }>`select data_version || '.' || total_changes() as token from pragma_data_version()`.execute(db);
    return rows[0]?.token ?? '';
  },
};

/** Readable by this user alone; SQLite gives its side files the mode of the main file. */
const createPrivateFile = async (file: string): Promise<void> => {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await (await open(file, 'a', 0o600)).close();
};

/**
 * Opens the embedded store, making and migrating the file where needed. Any number of processes, and connections of one process,
 * may hold the same file open; a write waits up to ten seconds for the others.
 */
export const openSqliteStore = async (
  file: string,
  { now = Date.now, resultsDue = false }: Partial<Pick<StoreDatabase, 'now' | 'resultsDue'>> = {},
): Promise<Stores> => {
  await createPrivateFile(file);
  const db = new Kysely<StoreSchema>({ dialect: createNodeSqliteDialect({ file, pragmas: PRAGMAS, busyTimeoutMs: BUSY_TIMEOUT_MS }) });
  const database: StoreDatabase = { db, dialect, now, resultsDue };
  try {
    await migrate(database);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return createStores(database);
};

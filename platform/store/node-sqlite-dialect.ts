import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { StoreUnavailableError } from '../../tasks/ports/store-unavailable-error.ts';

/** SQLite's primary result codes. */
const BUSY = 5;
/** Busy, locked, input or output error, full, can't open, locking protocol: the file can't be used now. */
const UNAVAILABLE: readonly number[] = [BUSY, 6, 10, 13, 14, 15];
/** Inserts of many rows make a statement for each number of rows; the rest are a few dozen. */
const MAX_CACHED_STATEMENTS = 256;

export interface NodeSqliteOptions {
  readonly file: string;
  /** Run on the fresh connection, one statement each. */
  readonly pragmas: readonly string[];
  /** How long a statement waits for another process's write. */
  readonly busyTimeoutMs: number;
}

interface PreparedStatement {
  readonly statement: StatementSync;
  /** Whether it answers with rows. */
  readonly reads: boolean;
}

/** Null for errors that aren't SQLite's. */
const resultCodeOf = (error: unknown): number | null =>
  typeof error === 'object' && error !== null && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : null;

/**
 * SQLite's own busy handler would block the event loop, and with it a transaction of the same process on another connection, for ever.
 * A busy statement outside a transaction has changed nothing, so it is simply tried again.
 */
const whileBusy = async <T>(timeoutMs: number, mayRetry: () => boolean, attempt: () => T): Promise<T> => {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      const code = resultCodeOf(error);
      if (code === null || !UNAVAILABLE.includes(code)) throw error;
      if (code !== BUSY || !mayRetry() || performance.now() > deadline) {
        throw new StoreUnavailableError(`SQLite can't use the store's file now (result code ${code})`, { cause: error });
      }
    }
    await delay(1 + Math.random() * 4);
  }
};

const createConnection = (database: DatabaseSync, busyTimeoutMs: number): DatabaseConnection => {
  const statements = new Map<string, PreparedStatement>();
  const prepare = (text: string): PreparedStatement => {
    const cached = statements.get(text);
    if (cached !== undefined) return cached;
    const statement = database.prepare(text);
    const prepared = { statement, reads: statement.columns().length > 0 };
    if (statements.size >= MAX_CACHED_STATEMENTS) statements.clear();
    statements.set(text, prepared);
    return prepared;
  };
  return {
    executeQuery: ({ sql, parameters }: CompiledQuery) =>
      whileBusy(
        busyTimeoutMs,
        () => !database.isTransaction,
        () => {
          const { statement, reads } = prepare(sql);
          const values = parameters as Parameters<StatementSync['all']>;
          // Kysely's own driver hands the parameters over as one array, which node:sqlite takes for named ones.
          if (reads) return { rows: statement.all(...values) as never[] };
          const { changes, lastInsertRowid } = statement.run(...values);
          return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
        },
      ),
    streamQuery: () => {
      throw new Error('the SQLite store reads whole pages; streaming is not supported');
    },
  };
};

const createDriver = ({ file, pragmas, busyTimeoutMs }: NodeSqliteOptions): Driver => {
  let database: DatabaseSync;
  let connection: DatabaseConnection;
  return {
    init: async () => {
      database = new DatabaseSync(file, { timeout: 0 });
      connection = createConnection(database, busyTimeoutMs);
      for (const pragma of pragmas) await connection.executeQuery(CompiledQuery.raw(`pragma ${pragma}`));
    },
    acquireConnection: async () => connection,
    // A deferred transaction that reads first can be refused at its first write, whatever the time-out.
    beginTransaction: async () => void (await connection.executeQuery(CompiledQuery.raw('begin immediate'))),
    commitTransaction: async () => void (await connection.executeQuery(CompiledQuery.raw('commit'))),
    rollbackTransaction: async () => {
      // After a full disk SQLite has rolled back already.
      if (database.isTransaction) await connection.executeQuery(CompiledQuery.raw('rollback'));
    },
    releaseConnection: async () => {},
    destroy: async () => database.close(),
  };
};

/**
 * A connection of its own that only reads: it sees what is committed, without waiting for the transactions of the other one, and answers
 * without Kysely's queue, which costs more than the reading. Opened by the first read.
 */
export const createNodeSqliteReader = ({ file, busyTimeoutMs }: Omit<NodeSqliteOptions, 'pragmas'>) => {
  let database: DatabaseSync | undefined;
  let connection: DatabaseConnection | undefined;
  const open = (): DatabaseConnection => {
    database = new DatabaseSync(file, { timeout: 0, readOnly: true });
    connection = createConnection(database, busyTimeoutMs);
    return connection;
  };
  return {
    read: async <O>(query: CompiledQuery<O>): Promise<readonly O[]> => (await (connection ?? open()).executeQuery<O>(query)).rows,
    close: (): void => database?.close(),
  };
};

/** Kysely over `node:sqlite`: one synchronous connection, which Kysely hands to one transaction at a time. */
export const createNodeSqliteDialect = (options: NodeSqliteOptions): Dialect => ({
  createDriver: () => createDriver(options),
  createAdapter: () => new SqliteAdapter(),
  createIntrospector: (db) => new SqliteIntrospector(db),
  createQueryCompiler: () => new SqliteQueryCompiler(),
});

import { setTimeout as delay } from 'node:timers/promises';
import { createPool, type PoolConnection, type ResultSetHeader, type RowDataPacket } from 'mysql2';
import type { MysqlAddress } from './connection-url.ts';
import { STATEMENT_TIMED_OUT, toStoreError } from './mysql-error.ts';

export interface MysqlPoolOptions {
  readonly address: MysqlAddress;
  readonly connections: number;
  /** How long one statement may take; its connection is given up then. */
  readonly statementTimeoutMs: number;
}

export type MysqlResult = ResultSetHeader | RowDataPacket[];

/** Connections that are set up and wait to be used. */
export interface MysqlPool {
  /** A connection for the caller alone, to be handed back by one of the other two. Throws `StoreUnavailableError` after `QUEUE_MS` at most. */
  take(): Promise<PoolConnection>;
  giveBack(connection: PoolConnection): void;
  /** For a connection that has failed, or that may be in a transaction. */
  discard(connection: PoolConnection): void;
  /** Rejects with what mysql2 gives, or an object with `STATEMENT_TIMED_OUT` as its code. */
  query(connection: PoolConnection, sql: string, values?: readonly unknown[]): Promise<MysqlResult>;
  /** Waits until every connection has been handed back. */
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 3_000;
/** How long a caller waits for a connection: a caller never waits for ever. */
const QUEUE_MS = 3_000;
const MAX_QUEUE = 10_000;
const IDLE_MS = 60_000;
const KEEP_ALIVE_AFTER_MS = 10_000;
const END_MS = 2_000;

/**
 * What every connection must be, whatever the server's defaults: strict, because a value that doesn't fit is an error; without
 * NO_BACKSLASH_ESCAPES, which the client's escaping doesn't know. The server ends a connection that was silent for longer than we keep
 * one: a client that vanished in a transaction holds its rows for that long at most.
 */
const SESSION = [
  'set session transaction isolation level read committed',
  `set session sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', innodb_lock_wait_timeout = 2, wait_timeout = 180`,
];

export const createMysqlPool = ({ address, connections, statementTimeoutMs }: MysqlPoolOptions): MysqlPool => {
  const pool = createPool({
    ...address,
    charset: 'utf8mb4_bin',
    timezone: 'Z',
    supportBigNumbers: true,
    multipleStatements: false,
    // Without FOUND_ROWS an insert that met its own key counts no row. Without LOCAL_FILES no server can ask for our files.
    flags: ['-FOUND_ROWS', '-LOCAL_FILES'],
    connectTimeout: CONNECT_TIMEOUT_MS,
    connectionLimit: connections,
    maxIdle: Math.max(1, connections - 1),
    idleTimeout: IDLE_MS,
    gracefulEnd: true,
    queueLimit: MAX_QUEUE,
    enableKeepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
    trace: false,
  });
  const setUp = new WeakSet<PoolConnection>();
  let taken = 0;
  let whenIdle = () => {};

  const query: MysqlPool['query'] = (connection, sql, values = []) =>
    new Promise((resolve, reject) => {
      // mysql2's own time-out goes on after its connection is lost, and keeps a process from ending.
      const timer = setTimeout(() => reject({ code: STATEMENT_TIMED_OUT }), statementTimeoutMs);
      connection.query<MysqlResult>(sql, [...values], (error, result) => {
        clearTimeout(timer);
        if (error === null) resolve(result);
        else reject(error);
      });
    });

  /** Without a bound mysql2 queues for ever; a connection that comes too late goes to the next. */
  const fromPool = (): Promise<PoolConnection> =>
    new Promise((resolve, reject) => {
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        reject(toStoreError({ code: 'NO_FREE_CONNECTION' }, 'connect'));
      }, QUEUE_MS);
      pool.getConnection((error, connection) => {
        clearTimeout(timer);
        if (error !== null) reject(toStoreError(error, 'connect'));
        else if (late) connection.release();
        else resolve(connection);
      });
    });

  const returned = (): void => {
    taken -= 1;
    if (taken === 0) whenIdle();
  };
  const discard = (connection: PoolConnection): void => {
    connection.destroy();
    returned();
  };

  return {
    query,
    discard,
    async take() {
      taken += 1;
      const connection = await fromPool().catch((error: unknown) => {
        returned();
        throw error;
      });
      if (setUp.has(connection)) return connection;
      // What breaks is told to the statement under way; an idle connection leaves the pool by itself.
      connection.on('error', () => undefined);
      try {
        for (const statement of SESSION) await query(connection, statement);
      } catch (error) {
        discard(connection);
        throw toStoreError(error, 'connect');
      }
      setUp.add(connection);
      return connection;
    },
    giveBack(connection) {
      connection.release();
      returned();
    },
    async close() {
      if (taken > 0) await new Promise<void>((resolve) => (whenIdle = resolve));
      // A server that is gone doesn't answer a farewell.
      await Promise.race([new Promise<void>((resolve) => pool.end(() => resolve())), delay(END_MS, undefined, { ref: false })]);
    },
  };
};

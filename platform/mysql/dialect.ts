import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  type QueryResult,
} from 'kysely';
import type { PoolConnection } from 'mysql2';
import { endsConnection, type MysqlStep, timedOut, toStoreError } from './mysql-error.ts';
import { createMysqlPool, type MysqlPool, type MysqlPoolOptions, type MysqlResult } from './pool.ts';

const toQueryResult = <R>(result: MysqlResult): QueryResult<R> =>
  Array.isArray(result) ? { rows: result as R[] } : { rows: [], numAffectedRows: BigInt(result.affectedRows) };

/** One connection while Kysely holds it. */
interface Lease extends DatabaseConnection {
  begin(): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  release(): void;
}

const createLease = (pool: MysqlPool, first: PoolConnection): Lease => {
  let connection: PoolConnection | null = first;
  let open = false;

  const run = async (step: MysqlStep, sql: string, values?: readonly unknown[]): Promise<MysqlResult> => {
    // Taken only after a read has lost the one before.
    connection ??= await pool.take();
    try {
      return await pool.query(connection, sql, values);
    } catch (error) {
      if (endsConnection(error)) {
        pool.discard(connection);
        connection = null;
      }
      throw toStoreError(error, step, sql);
    }
  };
  /** A statement of a transaction whose connection is lost must not run on another one. */
  const inTransaction = (step: MysqlStep, sql: string, values?: readonly unknown[]): Promise<MysqlResult> =>
    connection === null ? Promise.reject(toStoreError({ code: 'CONNECTION_LOST' }, step, sql)) : run(step, sql, values);

  return {
    async executeQuery<R>({ sql, parameters, query }: CompiledQuery): Promise<QueryResult<R>> {
      if (open) return toQueryResult(await inTransaction('statement', sql, parameters));
      try {
        return toQueryResult(await run('statement', sql, parameters));
      } catch (error) {
        // An idle connection may have been lost unnoticed; a read can be asked again on a new one.
        if (connection !== null || query.kind !== 'SelectQueryNode' || timedOut(error)) throw error;
        return toQueryResult(await run('statement', sql, parameters));
      }
    },
    streamQuery: () => {
      throw new Error('the MySQL store reads whole pages; streaming is not supported');
    },
    async begin() {
      await run('statement', 'start transaction');
      open = true;
    },
    async commit() {
      await inTransaction('commit', 'commit');
      open = false;
    },
    async rollback() {
      // Without its connection the server has undone it, or will as soon as it notices.
      if (connection === null) return;
      await inTransaction('statement', 'rollback');
      open = false;
    },
    release() {
      if (connection === null) return;
      if (open) pool.discard(connection);
      else pool.giveBack(connection);
      connection = null;
    },
  };
};

/**
 * Every connection of the pool reads what is committed, so the isolation level that Kysely hands over needs no round trip. Kysely's own
 * MySQL driver has no time-outs, and where a connection breaks in a transaction it throws the error of the rollback in place of the cause.
 */
const createDriver = (options: MysqlPoolOptions): Driver => {
  let pool: MysqlPool;
  return {
    init: async () => {
      pool = createMysqlPool(options);
    },
    acquireConnection: async () => createLease(pool, await pool.take()),
    beginTransaction: (lease: Lease) => lease.begin(),
    commitTransaction: (lease: Lease) => lease.commit(),
    // One that can't be rolled back is given up with its connection.
    rollbackTransaction: (lease: Lease) => lease.rollback().catch(() => undefined),
    releaseConnection: async (lease: Lease) => lease.release(),
    destroy: () => pool.close(),
  };
};

/** Kysely over a pool of mysql2. */
export const createMysqlDialect = (options: MysqlPoolOptions): Dialect => ({
  createDriver: () => createDriver(options),
  createAdapter: () => new MysqlAdapter(),
  createIntrospector: (db) => new MysqlIntrospector(db),
  createQueryCompiler: () => new MysqlQueryCompiler(),
});

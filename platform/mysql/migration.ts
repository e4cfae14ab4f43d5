import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { StoreUnavailableError } from '../../tasks/ports/store-unavailable-error.ts';
import type { MigrationDialect } from '../store/database.ts';
import { MysqlError } from './mysql-error.ts';

const LOCK_WAIT_SECONDS = 60;
/** Table exists, column exists, index exists, no such index or column to drop, foreign key exists. */
const TAKEN: ReadonlySet<number> = new Set([1050, 1060, 1061, 1091, 1826]);

/**
 * MySQL commits before and after each change of a table, so one process at a time migrates a database, under a lock of the server that
 * ends with its connection, and a step whose version number was never noted is recognised by the error of taking it again.
 * Names are compared byte by byte, as SQLite does, whatever the database's default.
 */
export const mysqlMigration = (databaseName: string): MigrationDialect => ({
  alone: (db, steps) =>
    db.connection().execute(async (connection) => {
      // Locks are the whole server's, and their names have at most 64 characters.
      const name = `codebay-${createHash('sha256').update(databaseName).digest('hex').slice(0, 32)}`;
      const { rows } = await sql<{ got: number | null }>`select get_lock(${name}, ${LOCK_WAIT_SECONDS}) as got`.execute(connection);
      if (rows[0]?.got !== 1)
        throw new StoreUnavailableError(`another process has been migrating the database for more than ${LOCK_WAIT_SECONDS} s`);
      try {
        return await steps(connection);
      } finally {
        await sql`select release_lock(${name})`.execute(connection).catch(() => undefined);
      }
    }),
  statement: (step) =>
    step.startsWith('create table') ? `${step} engine = InnoDB default character set utf8mb4 collate utf8mb4_bin` : step,
  isTaken: (error) => error instanceof MysqlError && error.errno !== null && TAKEN.has(error.errno),
});

import { UnknownTaskError } from '../../tasks/ports/task-store.ts';
import type { StoreDatabase, StoreTransaction } from './database.ts';
import type { TaskRow } from './schema.ts';

/** Holds the task's row until the transaction ends: whatever belongs to one task is written by one transaction at a time. */
export const lockTask = (database: StoreDatabase, trx: StoreTransaction, taskId: string): Promise<TaskRow | undefined> =>
  database.dialect.forUpdate(trx.selectFrom('tasks').selectAll().where('id', '=', taskId)).executeTakeFirst();

/** As `lockTask`; throws `UnknownTaskError` where the task was never made or has been erased. */
export const lockKnownTask = async (database: StoreDatabase, trx: StoreTransaction, taskId: string): Promise<TaskRow> => {
  const row = await lockTask(database, trx, taskId);
  if (row === undefined) throw new UnknownTaskError(taskId);
  return row;
};

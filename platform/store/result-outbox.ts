import type { ResultOutbox } from '../../tasks/ports/result-outbox.ts';
import { claimTasks } from './claim.ts';
import { idempotent, type StoreDatabase } from './database.ts';

/** A result is due from the terminal write, in the same transaction, until it is known to be published. */
export const createResultOutbox = (database: StoreDatabase): ResultOutbox => ({
  claimDue: ({ taskId, ...claim }) =>
    claimTasks(
      database,
      claim,
      (where) =>
        where.and([
          where('result_due_at', '<=', database.now() - claim.olderThanMs),
          ...(taskId === undefined ? [] : [where('id', '=', taskId)]),
        ]),
      'result_due_at',
    ),
  markPublished: async (taskId) => {
    const mark = database.db.updateTable('tasks').set({ result_due_at: null }).where('id', '=', taskId);
    await idempotent(database, () => mark.execute());
  },
});

import type { StoreTransaction } from './database.ts';

/** Ends those runs of a task that have no slot yet, so that they don't hold up the queue; runs with a slot end once their processes are gone. */
export const endWaitingRuns = async (trx: StoreTransaction, taskId: string, now: number): Promise<void> => {
  await trx
    .updateTable('runs')
    .set({ ended_at: now, phase: 'closed' })
    .where('task_id', '=', taskId)
    .where('granted_at', 'is', null)
    .where('ended_at', 'is', null)
    .execute();
};

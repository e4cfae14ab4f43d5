import { continueAsNew, workflowInfo } from '@temporalio/workflow';
import { retention } from './proxies.ts';

export interface RetentionInput {
  readonly retention_ms: number;
  /** Set when it continues as new. */
  readonly progress?: { readonly ended_before: number; readonly cursor: string | null; readonly erased: number };
}

/** Erases the tasks that ended longer ago than `retention_ms`, batch by batch. Started by the Temporal Schedule; at most one at a time. */
export async function eraseExpiredTasks({ retention_ms, progress }: RetentionInput): Promise<{ readonly erased: number }> {
  let { ended_before, cursor, erased } = progress ?? { ended_before: Date.now() - retention_ms, cursor: null, erased: 0 };
  for (;;) {
    const batch = await retention.eraseExpired({ ended_before, cursor });
    erased += batch.erased;
    if (!batch.more) return { erased };
    cursor = batch.next_cursor;
    if (workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof eraseExpiredTasks>({ retention_ms, progress: { ended_before, cursor, erased } });
    }
  }
}

import { orphans } from './proxies.ts';

/** One round of removing runs that no workflow holds any more. Started by the Temporal Schedule; at most one at a time. */
export async function reapOrphanedRuns(): Promise<{ readonly removed: number; readonly kept: number }> {
  return await orphans.reapOrphans({});
}

import type { TaskRecord } from '../task.ts';
import type { Claim } from './start-outbox.ts';

/** The rows of ended tasks seen as an outbox of results. A store that was opened without `resultsDue` never has any. */
export interface ResultOutbox {
  /** Claims ended tasks whose result is due since `olderThanMs` or longer, the oldest first; of one task where `taskId` is given. */
  claimDue(claim: Claim & { readonly taskId?: string }): Promise<readonly TaskRecord[]>;
  /** The result is where it belongs; idempotent. */
  markPublished(taskId: string): Promise<void>;
}

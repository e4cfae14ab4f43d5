import type { TaskResult } from '../task-result.ts';

/** Where other systems hear how tasks ended. */
export interface ResultFeed {
  /** Returns when the feed keeps all of them, in an order per task. Bounded in time; `FeedUnavailableError` where it can't tell. */
  publish(results: readonly TaskResult[]): Promise<void>;
  close(): Promise<void>;
}

import type { ResultFeed } from '../tasks/ports/result-feed.ts';
import type { ResultOutbox } from '../tasks/ports/result-outbox.ts';
import type { Claim } from '../tasks/ports/start-outbox.ts';
import { taskResultOf } from '../tasks/task-result.ts';

export interface ResultPublication {
  readonly outbox: ResultOutbox;
  readonly feed: ResultFeed;
}

/**
 * Publishes results that are due, and returns how many. A process that dies between the two writes leaves the row due: the result
 * is then sent again, with the same event id.
 */
export const publishResults = async (
  { outbox, feed }: ResultPublication,
  claim: Parameters<ResultOutbox['claimDue']>[0] & Claim,
): Promise<number> => {
  const due = await outbox.claimDue(claim);
  if (due.length === 0) return 0;
  await feed.publish(due.map(taskResultOf));
  for (const { id } of due) await outbox.markPublished(id);
  return due.length;
};

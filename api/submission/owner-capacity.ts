import type { OwnerLoad } from '../../tasks/ports/owner-load.ts';
import type { OwnerLimits } from '../deps.ts';
import { ApiProblem } from '../problem.ts';

/** Tasks take minutes; a client that asks every so often loses little. */
const RETRY_AFTER_MS = 15_000;

/**
 * Refuses an owner who has as many unfinished tasks as allowed. Counted before the submission is read, so submissions that come in at
 * the same time may together go beyond the limit by their number; the limit on submissions bounds that.
 */
export const createOwnerCapacity =
  (load: OwnerLoad, { tasks: most }: OwnerLimits): ((owner: string) => Promise<void>) =>
  async (owner) => {
    if (most === 0 || (await load.countUnfinished(owner, most)) < most) return;
    throw new ApiProblem('TOO_MANY_TASKS', `You have ${most} unfinished tasks, as many as this station allows.`, {
      retryAfterMs: RETRY_AFTER_MS,
    });
  };

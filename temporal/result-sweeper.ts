import { setTimeout as delay } from 'node:timers/promises';
import { publishResults, type ResultPublication } from '../activities/publish-results.ts';
import { FeedUnavailableError } from '../tasks/ports/feed-unavailable-error.ts';

interface ResultSweeperDeps {
  /** Null where nobody wants results. */
  readonly publication: ResultPublication | null;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  /** Unique per process. */
  readonly by: string;
}

const SWEEP_EVERY_MS = 1_000;
const LIMIT = 20;
const LEASE_MS = 15_000;
/** Longer than `finishTask` takes to publish by itself. */
const OLDER_THAN_MS = 2_000;

/** Publishes the results that `finishTask` could not, or never came to: those of tasks that ended without a workflow, too. */
export const createResultSweeper = ({ publication, log, by }: ResultSweeperDeps) => ({
  /** Sweeps every second until the signal aborts. An unreachable feed or store is waited out: a result stays due until it is published. */
  async run(signal: AbortSignal): Promise<void> {
    if (publication === null) return;
    while (!signal.aborted) {
      try {
        const published = await publishResults(publication, { by, leaseMs: LEASE_MS, olderThanMs: OLDER_THAN_MS, limit: LIMIT });
        if (published > 0) log.info({ published }, 'published results that were waiting');
        if (published === LIMIT) continue;
      } catch (error) {
        if (error instanceof FeedUnavailableError) log.warn({ err: error }, 'results wait until they can be published');
        else log.error({ err: error }, 'a sweep of results failed; the next one tries again');
      }
      await delay(SWEEP_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  },
});

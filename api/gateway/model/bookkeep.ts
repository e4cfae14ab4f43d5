import { setTimeout as pause } from 'node:timers/promises';
import { StoreUnavailableError } from '../../../tasks/ports/store-unavailable-error.ts';
import type { GatewayLog } from '../options.ts';

/** A database that fails over is back well within this; a sidecar waits longer for the end of an answer. */
const PATIENCE_MS = 60_000;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 2000;

/**
 * Bookkeeping for an answer that was paid for. A store that is away is waited for, because an answer that isn't journaled would be paid for
 * again after a crash; any other failure is logged and must not take the answer from the run. `work` is idempotent. True where it was done.
 */
export const createBookkeep =
  (log: GatewayLog, patienceMs = PATIENCE_MS) =>
  async (failed: string, work: () => Promise<unknown>): Promise<boolean> => {
    const deadline = performance.now() + patienceMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS)) {
      try {
        await work();
        return true;
      } catch (error) {
        if (!(error instanceof StoreUnavailableError) || performance.now() + pauseMs > deadline) {
          log.error({ err: error }, failed);
          return false;
        }
      }
      await pause(pauseMs);
    }
  };

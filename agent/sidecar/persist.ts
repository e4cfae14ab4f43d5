import { setTimeout as delay } from 'node:timers/promises';
import { GatewayUnreachableError } from './gateway-error.ts';

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 3_000;

/**
 * Tries again, with growing pauses of at most 3 s, while the gateway can't be reached: its restart is ridden out.
 * Rejects with the signal's reason once that is aborted, and at once with any other error.
 */
export const persist = async <T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> => {
  for (let pauseMs = FIRST_DELAY_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_DELAY_MS)) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof GatewayUnreachableError)) throw error;
    }
    // Spread, so that many runs don't come back in the same moment.
    await delay(pauseMs * (0.75 + Math.random() / 2), undefined, { signal }).catch(() => signal.throwIfAborted());
  }
};

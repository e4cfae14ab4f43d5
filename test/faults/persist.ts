import { setTimeout as pause } from 'node:timers/promises';
import { CodebayError } from '../../sdk/index.ts';

export const AGAIN_MS = 200;

/** What a patient client does: asks again for as long as the answer says that it may, and when it says. */
export const persist = async <T>(attempt: () => Promise<T>): Promise<T> => {
  for (;;) {
    let waitMs = AGAIN_MS;
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof CodebayError) || !error.problem.retryable) throw error;
      waitMs = error.retryAfterMs ?? AGAIN_MS;
    }
    await pause(waitMs);
  }
};

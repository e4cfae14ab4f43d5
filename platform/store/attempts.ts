import { setTimeout as delay } from 'node:timers/promises';

export interface Attempt {
  /** An earlier attempt may have been committed: the reply to its commit was lost. */
  readonly mayHaveLanded: boolean;
}

/** No further attempt is begun after this long; the caller is then told, and has a remedy of its own. */
const TRY_FOR_MS = 3_000;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 250;

/** Repeats what the database interrupted (deadlock, lock wait, lost connection) after a pause of random length, for three seconds. */
export const withAttempts = async <T>(
  dialect: { interruption(error: unknown): 'undone' | 'unknown' | null },
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> => {
  const deadline = performance.now() + TRY_FOR_MS;
  let mayHaveLanded = false;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await work({ mayHaveLanded });
    } catch (error) {
      const interruption = dialect.interruption(error);
      if (interruption === null || performance.now() > deadline) throw error;
      mayHaveLanded ||= interruption === 'unknown';
    }
    await delay(pauseMs * (0.5 + Math.random()));
  }
};

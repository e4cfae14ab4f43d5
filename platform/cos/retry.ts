import { setTimeout as pause } from 'node:timers/promises';
import { mayPass } from './exchange-errors.ts';
import type { CosTiming } from './options.ts';

/** A random pause below a bound that doubles, so that many who failed at once don't come again at once. */
export const backOff = async (timing: CosTiming, failures: number, signal: AbortSignal | undefined): Promise<void> => {
  const bound = Math.min(timing.firstPauseMs * 2 ** (failures - 1), timing.longestPauseMs);
  await pause(Math.random() * bound, undefined, signal === undefined ? {} : { signal });
};

/** Makes an attempt again while its error may pass; throws the last one. */
export const withRetries = async <T>(timing: CosTiming, signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> => {
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!mayPass(error) || failures >= timing.attempts) throw error;
    }
    await backOff(timing, failures, signal);
  }
};

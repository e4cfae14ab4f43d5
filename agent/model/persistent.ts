import { FailureError } from '../../tasks/failure.ts';
import { AskError } from './ask-error.ts';
import type { Attempt } from './attempt.ts';
import type { ModelAnswer, ModelRequest } from './conversation.ts';

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;
/** Fruitless answers that don't even speak the protocol, in a row. */
const MAX_UNPARSABLE = 3;

export interface PersistenceOptions {
  readonly attempt: Attempt;
  /** How long to go on after a first failure. */
  readonly retryMs: number;
  readonly now: () => number;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Told before each wait. */
  readonly onRetry: (error: AskError, delayMs: number) => void;
}

/**
 * Gets one answer, whatever it takes; throws `FailureError` when it can't be had, an `AskError` of kind `too_long` where less has to be
 * asked, or the signal's reason.
 */
export type Model = (request: ModelRequest, signal: AbortSignal) => Promise<ModelAnswer>;

/**
 * Asks again with the identical request after 429, 5xx, 408, broken connections and silence: `Retry-After` where there is one, else
 * exponential back-off with jitter, until `retryMs` have gone by since the first failure, however long the attempt before it took. A wait
 * that would end past that ends the asking at once.
 */
export const createPersistentModel = (options: PersistenceOptions): Model => {
  const { attempt, retryMs, now, random, sleep, onRetry } = options;

  const delayAfter = (error: AskError, tries: number, leftMs: number): number => {
    if (error.retryAfterMs !== null) return error.retryAfterMs;
    const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (tries - 1));
    return Math.min(ceiling * (0.5 + random() / 2), leftMs);
  };

  return async (request, signal) => {
    let deadline: number | null = null;
    let unparsable = 0;
    for (let tries = 1; ; tries++) {
      try {
        return await attempt(request, signal);
      } catch (error) {
        if (!(error instanceof AskError) || error.kind === 'too_long') throw error;
        unparsable = error.kind === 'unparsable' ? unparsable + 1 : 0;
        deadline ??= now() + retryMs;
        const leftMs = deadline - now();
        const delayMs = delayAfter(error, tries, leftMs);
        const over = error.kind === 'final' || unparsable >= MAX_UNPARSABLE || leftMs <= 0 || delayMs > leftMs;
        if (over)
          throw new FailureError(error.reason, `${error.message} (asked ${tries === 1 ? 'once' : `${tries} times`})`, { cause: error });
        onRetry(error, delayMs);
        await sleep(delayMs, signal);
      }
    }
  };
};

import { setTimeout as pause } from 'node:timers/promises';

const LOOK_EVERY_MS = 25;

/** Asks again and again until `look` answers with something (neither null, undefined nor false), and returns that; throws, naming `what`, when it takes too long. */
export const until = async <T>(
  what: string,
  look: () => T | Promise<T>,
  timeoutMs = 30_000,
): Promise<Exclude<Awaited<T>, null | undefined | false>> => {
  for (const deadline = Date.now() + timeoutMs; ; await pause(LOOK_EVERY_MS)) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false) return seen as Exclude<Awaited<T>, null | undefined | false>;
    if (Date.now() > deadline) throw new Error(`after ${timeoutMs / 1000} s still not: ${what}`);
  }
};

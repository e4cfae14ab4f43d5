import { setTimeout as pause } from 'node:timers/promises';

/** Whether the check succeeds in that time; what it throws counts as no. */
export const answersInTime = async (check: Promise<unknown>, timeoutMs: number): Promise<boolean> => {
  const done = new AbortController();
  const late = pause(timeoutMs, false, { signal: done.signal }).catch(() => false);
  const answered = check.then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([answered, late]);
  } finally {
    done.abort();
  }
};

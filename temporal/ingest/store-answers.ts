import { setTimeout as pause } from 'node:timers/promises';
import type { TaskStore } from '../../tasks/ports/task-store.ts';

const CHECK_MS = 1_000;
/** An id that no task gets. */
const PROBE_ID = 'readiness-probe';

/** Whether the store answers within a second. */
export const storeAnswers = async (tasks: Pick<TaskStore, 'get'>): Promise<boolean> => {
  const done = new AbortController();
  const late = pause(CHECK_MS, false, { signal: done.signal }).catch(() => false);
  const answered = tasks.get(PROBE_ID).then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([answered, late]);
  } finally {
    done.abort();
  }
};

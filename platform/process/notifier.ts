import type { Notifier } from '../../tasks/ports/notifier.ts';

/** Within one process. */
export const createProcessNotifier = (): Notifier => {
  const listeners = new Map<string | null, Set<() => void>>();
  return {
    notify: (taskId) => {
      for (const key of [taskId, null]) for (const wake of listeners.get(key) ?? []) wake();
    },
    listen: (taskId, wake, signal) => {
      if (signal.aborted) return;
      const ofTask = listeners.get(taskId) ?? new Set();
      // A wrapper of its own, so that the same function may listen twice.
      const listener = () => wake();
      listeners.set(taskId, ofTask.add(listener));
      signal.addEventListener(
        'abort',
        () => {
          ofTask.delete(listener);
          if (ofTask.size === 0 && listeners.get(taskId) === ofTask) listeners.delete(taskId);
        },
        { once: true },
      );
    },
  };
};

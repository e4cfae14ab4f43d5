import { FRESH_MS, type StatusCache } from '../tasks/ports/status-cache.ts';
import { isTerminal } from '../tasks/status.ts';
import { taskVersion } from '../tasks/task-version.ts';
import type { ShownTask, TaskView } from './task-view.ts';

/** Shows a task from the cache that all processes share, where it is fresh there, else by `view`. */
export const createSharedView = (
  cache: StatusCache,
  view: TaskView,
  now: () => number,
): ((id: string, owner: string) => Promise<Pick<ShownTask, 'json'> | null>) => {
  const share = (id: string, { json, version }: ShownTask, readAt: number): Promise<void> =>
    cache.put(id, {
      owner: version.owner,
      version: taskVersion(version),
      json,
      freshUntil: readAt + (isTerminal(version.status) ? FRESH_MS.terminal : FRESH_MS.unfinished),
    });
  return async (id, owner) => {
    const known = await cache.get(id);
    if (known !== null && known.owner === owner) return known;
    const readAt = now();
    const shown = await view(id, owner);
    // Nobody waits for it: whoever asks next finds it or reads the store as well.
    if (shown !== null) void share(id, shown, readAt);
    return shown;
  };
};

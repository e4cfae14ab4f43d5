import type { StartOutbox } from '../tasks/ports/start-outbox.ts';
import type { StatusCache } from '../tasks/ports/status-cache.ts';
import type { Stores } from '../tasks/ports/stores.ts';
import type { TaskStore } from '../tasks/ports/task-store.ts';
import { lowestVersionOf, taskVersion } from '../tasks/task-version.ts';

const outdatingTasks = (tasks: TaskStore, cache: StatusCache): TaskStore => ({
  ...tasks,
  update: async (id, revision, patch) => {
    const result = await tasks.update(id, revision, patch);
    if (result === 'written') await cache.outdate(id, lowestVersionOf(revision));
    return result;
  },
  erase: async (id) => {
    const erased = await tasks.erase(id);
    if (erased) await cache.remove(id);
    return erased;
  },
});

const outdatingOutbox = ({ outbox, versions }: Stores, cache: StatusCache): StartOutbox => ({
  ...outbox,
  requestCancel: async (taskId) => {
    const row = await outbox.requestCancel(taskId);
    if (row !== null) await cache.outdate(taskId, taskVersion(row));
    return row;
  },
  endWithoutWorkflow: async (taskId, end) => {
    const ended = await outbox.endWithoutWorkflow(taskId, end);
    const version = ended ? await versions.read(taskId) : null;
    if (version !== null) await cache.outdate(taskId, taskVersion(version));
    return ended;
  },
});

/** The same stores; what is written through them is no longer shown from the cache as it was before. */
export const outdatingStores = (stores: Stores, cache: StatusCache | null): Stores =>
  cache === null ? stores : { ...stores, tasks: outdatingTasks(stores.tasks, cache), outbox: outdatingOutbox(stores, cache) };

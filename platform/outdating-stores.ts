import { setTimeout as pause } from 'node:timers/promises';
import type { StartOutbox } from '../tasks/ports/start-outbox.ts';
import { FRESH_MS, type StatusCache } from '../tasks/ports/status-cache.ts';
import type { Stores } from '../tasks/ports/stores.ts';
import type { TaskStore } from '../tasks/ports/task-store.ts';
import { isTerminal } from '../tasks/status.ts';
import { lowestVersionOf, taskVersion } from '../tasks/task-version.ts';

/** Whoever hears of a task's end and looks must see it ended: where the cache can't be told, what it knows is waited out. */
const outdateForGood = async (cache: StatusCache, taskId: string, version: number): Promise<void> => {
  if (!(await cache.outdate(taskId, version))) await pause(FRESH_MS.unfinished);
};

const outdatingTasks = (tasks: TaskStore, cache: StatusCache): TaskStore => ({
  ...tasks,
  update: async (id, revision, patch) => {
    const result = await tasks.update(id, revision, patch);
    if (result !== 'written') return result;
    if (patch.status !== undefined && isTerminal(patch.status)) await outdateForGood(cache, id, lowestVersionOf(revision));
    else await cache.outdate(id, lowestVersionOf(revision));
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
    if (version !== null) await outdateForGood(cache, taskId, taskVersion(version));
    return ended;
  },
});

/** The same stores; what is written through them is no longer shown from the cache as it was before. */
export const outdatingStores = (stores: Stores, cache: StatusCache | null): Stores =>
  cache === null ? stores : { ...stores, tasks: outdatingTasks(stores.tasks, cache), outbox: outdatingOutbox(stores, cache) };

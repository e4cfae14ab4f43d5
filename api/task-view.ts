import { isTaskId } from '../tasks/ids.ts';
import type { Stores } from '../tasks/ports/stores.ts';
import type { TaskVersion } from '../tasks/ports/task-versions.ts';
import { isTerminal } from '../tasks/status.ts';
import { readDetails, showTask } from './show-task.ts';

/** How old usage, runs and egress of a task that goes on may be. Its status is always read anew. */
const FRESH_MS = 500;
const KEPT_TASKS = 1000;

/** A task as the API shows it, in JSON, with the version of its row, which is no newer. */
export interface ShownTask {
  readonly json: string;
  readonly version: TaskVersion;
}

/** An owner's task; null where there is none. */
export type TaskView = (id: string, owner: string) => Promise<ShownTask | null>;

interface Entry extends ShownTask {
  readonly readAt: number;
}

const isSame = (a: TaskVersion, b: TaskVersion): boolean =>
  a.revision === b.revision && a.updated_at === b.updated_at && a.status === b.status && a.cancel_requested === b.cancel_requested;

/**
 * Remembers tasks for those who poll: one small read a poll instead of four whole ones, and nothing decoded or encoded anew. Every change of
 * the row forgets it.
 */
export const createTaskView = (stores: Pick<Stores, 'tasks' | 'versions' | 'ledger' | 'runs' | 'egress'>, now: () => number): TaskView => {
  const entries = new Map<string, Entry>();

  const read = async (id: string, version: TaskVersion): Promise<ShownTask | null> => {
    const readAt = now();
    // After its version, so that what is remembered is never older than it.
    const task = await stores.tasks.get(id);
    if (task === null) return null;
    const json = JSON.stringify(showTask(task, await readDetails(stores, id)));
    entries.delete(id);
    const entry = { json, version, readAt };
    entries.set(id, entry);
    const [oldest] = entries.keys();
    if (entries.size > KEPT_TASKS && oldest !== undefined) entries.delete(oldest);
    return entry;
  };

  return async (id, owner) => {
    if (!isTaskId(id)) return null;
    const version = await stores.versions.read(id);
    if (version === null || version.owner !== owner) return null;
    const known = entries.get(id);
    const isKnown =
      known !== undefined && isSame(known.version, version) && (isTerminal(version.status) || now() - known.readAt < FRESH_MS);
    return isKnown ? known : read(id, version);
  };
};

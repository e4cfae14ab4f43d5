import type { Stores } from '../tasks/ports/stores.ts';
import { isTerminal } from '../tasks/status.ts';
import type { TaskRecord } from '../tasks/task.ts';
import { readDetails, showTask } from './show-task.ts';

/** How old usage, runs and egress of a task that goes on may be. Its status is always read anew. */
const FRESH_MS = 500;
const KEPT_TASKS = 1000;

interface Entry {
  readonly json: string;
  readonly row: string;
  readonly readAt: number;
}

const rowVersion = ({ revision, updated_at, status, cancel_requested }: TaskRecord): string =>
  `${revision} ${updated_at} ${status} ${cancel_requested}`;

/**
 * A task as the API shows it, in JSON. Remembered for those who poll: one read a poll instead of four, and nothing encoded anew. Every change
 * of the row forgets it.
 */
export const createTaskView = (
  stores: Pick<Stores, 'ledger' | 'runs' | 'egress'>,
  now: () => number,
): ((task: TaskRecord) => Promise<string>) => {
  const entries = new Map<string, Entry>();
  return async (task) => {
    const known = entries.get(task.id);
    const row = rowVersion(task);
    if (known?.row === row && (isTerminal(task.status) || now() - known.readAt < FRESH_MS)) return known.json;
    const readAt = now();
    const json = JSON.stringify(showTask(task, await readDetails(stores, task.id)));
    entries.delete(task.id);
    entries.set(task.id, { json, row, readAt });
    const [oldest] = entries.keys();
    if (entries.size > KEPT_TASKS && oldest !== undefined) entries.delete(oldest);
    return json;
  };
};

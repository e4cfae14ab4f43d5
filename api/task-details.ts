import type { Stores } from '../tasks/ports/stores.ts';
import { isTerminal } from '../tasks/status.ts';
import type { TaskRecord } from '../tasks/task.ts';
import { readDetails, type TaskDetails } from './show-task.ts';

/** How old usage, runs and egress of a task that goes on may be. Its status is always read anew. */
const FRESH_MS = 500;
const KEPT_TASKS = 1000;

interface Entry {
  readonly details: TaskDetails;
  readonly row: string;
  readonly readAt: number;
}

const rowVersion = ({ revision, updated_at, status }: TaskRecord): string => `${revision} ${updated_at} ${status}`;

/** Remembers what surrounds a task's row, for those who poll it: one read a poll instead of four. Every change of the row forgets it. */
export const createTaskDetails = (
  stores: Pick<Stores, 'ledger' | 'runs' | 'egress'>,
  now: () => number,
): ((task: TaskRecord) => Promise<TaskDetails>) => {
  const entries = new Map<string, Entry>();
  return async (task) => {
    const known = entries.get(task.id);
    const row = rowVersion(task);
    if (known?.row === row && (isTerminal(task.status) || now() - known.readAt < FRESH_MS)) return known.details;
    const readAt = now();
    const details = await readDetails(stores, task.id);
    entries.delete(task.id);
    entries.set(task.id, { details, row, readAt });
    const [oldest] = entries.keys();
    if (entries.size > KEPT_TASKS && oldest !== undefined) entries.delete(oldest);
    return details;
  };
};

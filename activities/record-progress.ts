import type { EventLog } from '../tasks/ports/event-log.ts';
import type { TaskStore } from '../tasks/ports/task-store.ts';
import { isTerminal } from '../tasks/status.ts';
import type { TaskProgress } from '../tasks/task.ts';
import type { BookkeepingActivities, RecordedProgress } from './contract.ts';

export interface RecordProgressDeps {
  readonly tasks: TaskStore;
  readonly events: EventLog;
  readonly now: () => number;
}

/** The source of the workflow's own events; their `source_seq` is the revision, so that a repeated write is one event. */
const WORKFLOW = 'workflow';

/** Writes a revision of the row and tells the watchers. A stale or terminal row is left alone and told to nobody. Says how the row stands. */
export const writeRevision = async (
  { tasks, events, now }: RecordProgressDeps,
  taskId: string,
  revision: number,
  patch: Partial<TaskProgress>,
): Promise<RecordedProgress> => {
  await tasks.update(taskId, revision, patch);
  const row = await tasks.get(taskId);
  if (row === null) return { revision, closed: true };
  const { status, phase, waiting_for, failure } = row;
  const stands = { revision: row.revision, closed: isTerminal(status) };
  if (row.revision !== revision) return stands;
  await events.append(taskId, WORKFLOW, [
    { type: 'status', data: { status, phase, waiting_for, failure }, source_seq: revision, at: now() },
  ]);
  return stands;
};

export const createRecordProgress =
  (deps: RecordProgressDeps): BookkeepingActivities['recordProgress'] =>
  ({ task_id, revision, patch }) =>
    writeRevision(deps, task_id, revision, patch);

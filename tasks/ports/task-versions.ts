import type { TaskRecord } from '../task.ts';

/** What differs after every change of a task that its view shows, and whose task it is. */
export type TaskVersion = Pick<TaskRecord, 'owner' | 'status' | 'revision' | 'cancel_requested' | 'updated_at'>;

/** Tells those who keep a task in memory whether it has changed, for a fraction of what the task itself costs to read. */
export interface TaskVersions {
  read(id: string): Promise<TaskVersion | null>;
}

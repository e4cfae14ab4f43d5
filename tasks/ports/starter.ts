import type { TaskRecord } from '../task.ts';
import type { NewTask } from './task-store.ts';

/** The one door for new tasks and cancellations, whichever way they came in. */
export interface Starter {
  /** Inserts the row, tries to start the workflow and acknowledges the start; succeeds when the engine can't be reached. */
  submit(task: NewTask): Promise<'accepted' | 'exists' | 'erased'>;
  /** Marks the row and cancels the workflow. Returns the row as it is after that, null where there is none. */
  cancel(taskId: string): Promise<TaskRecord | null>;
}

import type { RunStore, SlotLimits } from '../tasks/ports/run-store.ts';
import type { TaskStore } from '../tasks/ports/task-store.ts';
import { isTerminal } from '../tasks/status.ts';
import type { BookkeepingActivities } from './contract.ts';

interface ClaimSlotDeps {
  readonly tasks: TaskStore;
  readonly runs: RunStore;
  /** How many runs may be live at once. */
  readonly slots: SlotLimits;
  readonly runsQueue: string;
}

/** Opens the run, which ends the authority of its predecessors, and asks for a slot. */
export const createClaimSlot = ({ tasks, runs, slots, runsQueue }: ClaimSlotDeps): BookkeepingActivities['claimSlot'] => {
  return async ({ task_id, run_id, kind, epoch }) => {
    await runs.open({ id: run_id, taskId: task_id, kind, epoch });
    if (await runs.claimSlot(run_id, slots)) return { granted: true, queue: runsQueue };
    const run = (await runs.list(task_id)).find(({ id }) => id === run_id);
    const task = await tasks.get(task_id);
    // A run also leaves the queue with its task, whose end or cancellation the workflow hears of by itself.
    const goesOn = task !== null && !isTerminal(task.status) && !task.cancel_requested;
    return { granted: false, ended: goesOn && run !== undefined && run.ended_at !== null };
  };
};

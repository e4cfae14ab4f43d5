import type { RunStore } from '../tasks/ports/run-store.ts';
import type { BookkeepingActivities } from './contract.ts';

interface ClaimSlotDeps {
  readonly runs: RunStore;
  /** How many runs may be live at once. */
  readonly maxRuns: number;
}

/** Opens the run, which ends the authority of its predecessors, and asks for a slot in the order of asking. */
export const createClaimSlot = ({ runs, maxRuns }: ClaimSlotDeps): BookkeepingActivities['claimSlot'] => {
  return async ({ task_id, run_id, kind, epoch }) => {
    await runs.open({ id: run_id, taskId: task_id, kind, epoch });
    return { granted: await runs.claimSlot(run_id, maxRuns) };
  };
};

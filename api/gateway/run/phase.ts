import type { RunStore } from '../../../tasks/ports/run-store.ts';
import type { Admission } from '../admission.ts';
import { GatewayError } from '../gateway-error.ts';
import type { LiveWork } from '../live-work.ts';

export type PhaseChange = (runId: string, phase: 'setup' | 'agent') => Promise<void>;

/** Moves a run on, one way. When it answers, nothing of the phase before is open in this process, and nothing new can open anywhere. */
export const createPhaseChange =
  (deps: { readonly admission: Admission; readonly runs: RunStore; readonly liveWork: LiveWork }): PhaseChange =>
  async (runId, phase) => {
    const written = await deps.runs.write(runId, { phase });
    const { run } = await deps.admission.admit(runId);
    if (written === 'stale' && run.phase !== phase) {
      throw new GatewayError(403, 'PHASE_OVER', `the run is in ${run.phase} already`);
    }
    await deps.liveWork.recheck(run.task_id);
  };

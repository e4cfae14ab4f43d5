import type { RunStore } from '../tasks/ports/run-store.ts';
import type { Runner } from '../tasks/ports/runner.ts';
import type { RunLimits } from '../tasks/run.ts';
import { signRunIdentity } from '../tasks/run-identity.ts';
import type { RunActivities } from './contract.ts';

interface StartRunDeps {
  readonly runner: Runner;
  readonly runs: RunStore;
  readonly gatewayUrl: string;
  readonly secret: string;
  /** What the station grants every run; the task's own times are added. */
  readonly runLimits: Omit<RunLimits, 'timeMs' | 'setupTimeMs'>;
}

/** An identity outlives its run's clock by this much, for the last upload. */
const IDENTITY_SLACK_MS = 15 * 60_000;

/** Starts the run; any worker can repeat it, because the identity is derived from the run's row. */
export const createStartRun = ({ runner, runs, gatewayUrl, secret, runLimits }: StartRunDeps): RunActivities['startRun'] => {
  return async ({ task_id, run_id, time_ms, setup_ms }) => {
    const run = (await runs.list(task_id)).find(({ id }) => id === run_id);
    if (run === undefined) throw new Error(`run ${run_id} was never opened`);
    const expiresAt = (run.granted_at ?? run.created_at) + time_ms + setup_ms + IDENTITY_SLACK_MS;
    const identity = signRunIdentity(secret, { runId: run_id, expiresAt });
    await runner.start({ runId: run_id, gatewayUrl, identity, limits: { ...runLimits, timeMs: time_ms, setupTimeMs: setup_ms } });
  };
};

import type { RunStore } from '../tasks/ports/run-store.ts';
import type { Runner } from '../tasks/ports/runner.ts';
import type { TaskStore } from '../tasks/ports/task-store.ts';
import { repositoryAddressOf } from '../tasks/repository-address.ts';
import type { RunLimits } from '../tasks/run.ts';
import { signRunIdentity } from '../tasks/run-identity.ts';
import type { RunActivities } from './contract.ts';

interface StartRunDeps {
  readonly runner: Runner;
  readonly runs: RunStore;
  readonly tasks: Pick<TaskStore, 'get'>;
  /** Images of the repositories that have one of their own, by their address. */
  readonly images: Readonly<Record<string, string>>;
  readonly gatewayUrl: string;
  readonly secret: string;
  /** What the station grants every run; the task's own times are added. */
  readonly runLimits: Omit<RunLimits, 'timeMs' | 'setupTimeMs'>;
}

/** An identity outlives its run's clock by this much, for the last upload. */
const IDENTITY_SLACK_MS = 15 * 60_000;

/** Starts the run; any worker can repeat it, because the identity is derived from the run's row. */
export const createStartRun = ({ runner, runs, tasks, images, gatewayUrl, secret, runLimits }: StartRunDeps): RunActivities['startRun'] => {
  const imageOf = async (taskId: string): Promise<string | undefined> => {
    if (Object.keys(images).length === 0) return undefined;
    const task = await tasks.get(taskId);
    const repository = task && repositoryAddressOf(task.spec.source);
    return repository !== null && Object.hasOwn(images, repository) ? images[repository] : undefined;
  };
  return async ({ task_id, run_id, time_ms, setup_ms }) => {
    const run = (await runs.list(task_id)).find(({ id }) => id === run_id);
    if (run === undefined) throw new Error(`run ${run_id} was never opened`);
    const expiresAt = (run.granted_at ?? run.created_at) + time_ms + setup_ms + IDENTITY_SLACK_MS;
    const identity = signRunIdentity(secret, { runId: run_id, expiresAt });
    const limits = { ...runLimits, timeMs: time_ms, setupTimeMs: setup_ms };
    const image = await imageOf(task_id);
    await runner.start({ runId: run_id, gatewayUrl, identity, limits, ...(image !== undefined && { image }) });
  };
};

import type { Engine } from '../tasks/ports/engine.ts';
import type { RunStore } from '../tasks/ports/run-store.ts';
import type { Runner } from '../tasks/ports/runner.ts';
import type { RunActivities } from './contract.ts';

interface ReleaseRunDeps {
  readonly runner: Runner;
  readonly runs: RunStore;
  readonly engine: Pick<Engine, 'offerSlot'>;
}

/** Removes the run from its runner, closes it at the gateway, frees its slot and offers that to the task that waits longest. */
export const createReleaseRun = ({ runner, runs, engine }: ReleaseRunDeps): RunActivities['releaseRun'] => {
  return async ({ run_id }) => {
    await runner.remove(run_id);
    const [next] = await runs.end(run_id);
    if (next !== undefined) await engine.offerSlot(next);
  };
};

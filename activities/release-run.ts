import type { Engine } from '../tasks/ports/engine.ts';
import type { RunStore } from '../tasks/ports/run-store.ts';
import type { Runner } from '../tasks/ports/runner.ts';
import type { RunActivities } from './contract.ts';

interface ReleaseRunDeps {
  readonly runner: Runner;
  readonly runs: RunStore;
  readonly engine: Pick<Engine, 'offerSlot'>;
}

/** A slot is offered to more than one, since the first who waits may be stuck; whoever asks too late waits on. */
const OFFERS = 3;

/** Removes the run from its runner, closes it at the gateway, frees its slot and offers that to the tasks whose turn it is. */
export const createReleaseRun = ({ runner, runs, engine }: ReleaseRunDeps): RunActivities['releaseRun'] => {
  return async ({ run_id }) => {
    await runner.remove(run_id);
    for (const taskId of await runs.end(run_id, OFFERS)) await engine.offerSlot(taskId);
  };
};

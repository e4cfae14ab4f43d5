import type { Runner } from '../tasks/ports/runner.ts';
import type { RunActivities } from './contract.ts';

/** Ends a run with a last checkpoint; its process tree is gone afterwards. A run that isn't there is fine. */
export const createStopRun =
  ({ runner }: { readonly runner: Runner }): RunActivities['stopRun'] =>
  ({ run_id, grace_ms }) =>
    runner.stop(run_id, grace_ms);

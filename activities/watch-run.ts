import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { RunStore } from '../tasks/ports/run-store.ts';
import type { Runner } from '../tasks/ports/runner.ts';
import type { Completion, RunExit } from '../tasks/run.ts';
import type { RunActivities, WatchedRun } from './contract.ts';

interface WatchRunDeps {
  readonly runner: Runner;
  readonly runs: RunStore;
  /** Aborts when this worker drains: the watch hands over. */
  readonly draining: AbortSignal;
}

const LOOK_EVERY_MS = 200;
/** Below the activity's start-to-close time-out, so that a long run is handed over instead of timing out. */
const WATCH_FOR_MS = 10 * 60_000;

/** Success is the completion record at the gateway; the exit says why there is none. */
export const endOfRun = (completion: Completion | null, exit: RunExit): Exclude<WatchedRun, { state: 'running' }> => {
  if (completion?.outcome === 'succeeded') return { state: 'succeeded', exit_code: completion.exit_code, detail: completion.detail };
  if (completion?.outcome === 'failed') return { state: 'failed', reason: completion.reason ?? 'AGENT_FAILED', detail: completion.detail };
  switch (exit.cause) {
    case 'out_of_memory':
      return { state: 'failed', reason: 'OUT_OF_MEMORY', detail: exit.detail };
    case 'timed_out':
      return { state: 'failed', reason: 'TIMED_OUT', detail: exit.detail };
    case 'disk_full':
      return { state: 'failed', reason: 'DISK_FULL', detail: exit.detail };
    case 'isolation':
      return { state: 'failed', reason: 'ISOLATION_UNAVAILABLE', detail: exit.detail };
    case 'stopped':
      return { state: 'lost', detail: exit.detail, interrupted: true };
    case 'lost':
    case 'finished':
      return { state: 'lost', detail: exit.detail, interrupted: completion?.outcome === 'interrupted' };
  }
};

const GONE: RunExit = { exitCode: null, cause: 'lost', detail: 'The run is no longer on its runner.' };

/** Asks the runner, which never pushes, until the run ends or changes its phase. */
export const createWatchRun = ({ runner, runs, draining }: WatchRunDeps): RunActivities['watchRun'] => {
  return async ({ task_id, run_id, seen_phase }) => {
    const context = Context.current();
    const until = Date.now() + WATCH_FOR_MS;
    const wake = AbortSignal.any([draining, context.cancellationSignal]);
    for (;;) {
      context.heartbeat();
      const seen = await runner.observe(run_id);
      // The row is read after the runner: a run that has exited has written its completion before.
      const run = (await runs.list(task_id)).find(({ id }) => id === run_id);
      if (seen.state === 'absent') return endOfRun(run?.completion ?? null, GONE);
      if (seen.state === 'exited') return endOfRun(run?.completion ?? null, seen.exit);
      const phase = run?.phase ?? seen_phase;
      const entered = phase !== seen_phase && phase !== 'closed';
      if (entered || draining.aborted || Date.now() > until) return { state: 'running', phase };
      await delay(LOOK_EVERY_MS, undefined, { signal: wake }).catch(() => undefined);
      context.cancellationSignal.throwIfAborted();
    }
  };
};

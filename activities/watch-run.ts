import { Context } from '@temporalio/activity';
import type { FailureReason } from '../tasks/failure.ts';
import type { RunStore } from '../tasks/ports/run-store.ts';
import type { Runner } from '../tasks/ports/runner.ts';
import type { Completion, RunExit, RunPhase } from '../tasks/run.ts';
import type { RunActivities, WatchedRun } from './contract.ts';

interface WatchRunDeps {
  readonly runner: Runner;
  readonly runs: RunStore;
  /** Aborts when this worker drains: the watch hands over. */
  readonly draining: AbortSignal;
}

/** How soon a new phase is seen: at once while set-up is short and people look on, later in a run that has gone on for long. */
const lookEveryMs = (watchedMs: number): number => Math.min(Math.max(watchedMs / 50, FIRST_LOOK_MS), LONGEST_LOOK_MS);
const FIRST_LOOK_MS = 200;
const LONGEST_LOOK_MS = 2_000;
/** Below the activity's start-to-close time-out, so that a long run is handed over instead of timing out. */
const WATCH_FOR_MS = 10 * 60_000;

const PHASES: Readonly<Record<RunPhase, string>> = {
  fetching: 'while the code was fetched',
  setup: 'in set-up',
  agent: 'while the agent worked',
  closed: 'at the very end',
};

/** Success is the completion record at the gateway; the exit says why there is none, and `phase` how far the run had come. */
export const endOfRun = (completion: Completion | null, exit: RunExit, phase: RunPhase): Exclude<WatchedRun, { state: 'running' }> => {
  if (completion?.outcome === 'succeeded') return { state: 'succeeded', exit_code: completion.exit_code, detail: completion.detail };
  if (completion?.outcome === 'failed') return { state: 'failed', reason: completion.reason ?? 'AGENT_FAILED', detail: completion.detail };
  const failed = (reason: FailureReason): WatchedRun & { state: 'failed' } => ({ state: 'failed', reason, detail: exit.detail });
  const interrupted = completion?.outcome === 'interrupted';
  switch (exit.cause) {
    case 'out_of_memory':
      return { state: 'failed', reason: 'OUT_OF_MEMORY', detail: `${exit.detail} It happened ${PHASES[phase]}.` };
    case 'timed_out':
      return failed('TIMED_OUT');
    case 'disk_full':
      return failed('DISK_FULL');
    case 'isolation':
      return failed('ISOLATION_UNAVAILABLE');
    case 'image_pull':
      return failed('IMAGE_PULL');
    case 'refused':
      return failed('RUN_REFUSED');
    case 'unschedulable':
      return failed('UNSCHEDULABLE');
    case 'not_started':
      return failed('RUN_NOT_STARTED');
    case 'evicted':
      // Counted even where the run had the time to say that it was interrupted: one that is evicted for ever must end.
      return { state: 'lost', detail: exit.detail, interrupted: false, reason: 'EVICTED' };
    case 'stopped':
      return { state: 'lost', detail: exit.detail, interrupted: true };
    case 'lost':
    case 'finished':
      return { state: 'lost', detail: exit.detail, interrupted };
  }
};

const GONE: RunExit = { exitCode: null, cause: 'lost', detail: 'The run is no longer on its runner.' };

/** Asks the runner, which never pushes, until the run ends or changes its phase. */
export const createWatchRun = ({ runner, runs, draining }: WatchRunDeps): RunActivities['watchRun'] => {
  return async ({ task_id, run_id, seen_phase }) => {
    const context = Context.current();
    const startedAt = Date.now();
    const signal = AbortSignal.any([draining, context.cancellationSignal]);
    let waitMs = 0;
    for (;;) {
      context.heartbeat();
      const seen = await runner.observe(run_id, { waitMs, signal });
      context.cancellationSignal.throwIfAborted();
      // The row is read after the runner: a run that has exited has written its completion before.
      const run = (await runs.list(task_id)).find(({ id }) => id === run_id);
      const phase = run?.phase ?? seen_phase;
      if (seen.state !== 'running') return endOfRun(run?.completion ?? null, seen.state === 'exited' ? seen.exit : GONE, phase);
      const watchedMs = Date.now() - startedAt;
      const entered = phase !== seen_phase && phase !== 'closed';
      if (entered || draining.aborted || watchedMs > WATCH_FOR_MS) return { state: 'running', phase };
      waitMs = lookEveryMs(watchedMs);
    }
  };
};

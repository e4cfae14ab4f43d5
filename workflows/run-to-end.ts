import { ApplicationFailure, CancellationScope, condition, sleep } from '@temporalio/workflow';
import type { WatchedRun } from '../activities/contract.ts';
import type { FailureReason } from '../tasks/failure.ts';
import { type RunKind, runIdOf } from '../tasks/ids.ts';
import { DEFAULT_TASK_LIMITS, MAX_RESUMES } from '../tasks/limits.ts';
import type { RunPhase } from '../tasks/run.ts';
import type { TaskSpec } from '../tasks/spec.ts';
import type { TaskPhase } from '../tasks/status.ts';
import type { Progress } from './progress.ts';
import { bookkeeping, control, watcher } from './proxies.ts';

export type RunEnd =
  | { readonly state: 'succeeded'; readonly exit_code: number | null; readonly detail: string }
  | { readonly state: 'failed'; readonly reason: FailureReason; readonly detail: string };

interface RunContext {
  readonly taskId: string;
  readonly kind: RunKind;
  readonly spec: TaskSpec;
  readonly progress: Progress;
  readonly slotOffer: SlotOffer;
}

/** Set by the signal handler, taken by whoever waits. */
export interface SlotOffer {
  made: boolean;
}

/** How long a stopped run may take to write its last checkpoint; the sidecar gives up by itself after 7.5 s. */
const STOP_GRACE_MS = 9_500;
/** The runner's own clock comes first; this much later the workflow ends the run itself. */
const CLOCK_SLACK_MS = 120_000;
const FIRST_SLOT_WAIT_MS = 5_000;
const LONGEST_SLOT_WAIT_MS = 300_000;

const RUN_BEFORE_RESET: Extract<WatchedRun, { state: 'lost' }> = {
  state: 'lost',
  detail: 'The run had ended before the workflow was reset.',
  interrupted: true,
};

const shownPhase = (kind: RunKind, phase: RunPhase): TaskPhase => {
  if (kind === 'verify') return 'VERIFYING';
  return phase === 'agent' || phase === 'closed' ? 'RUNNING_AGENT' : 'SETTING_UP';
};

/** False where the run is over already: this workflow was reset to before it. */
const waitForSlot = async (context: RunContext, runId: string, epoch: number): Promise<boolean> => {
  const claim = { task_id: context.taskId, run_id: runId, kind: context.kind, epoch };
  let waited = false;
  for (let waitMs = FIRST_SLOT_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_SLOT_WAIT_MS)) {
    const { granted, ended } = await bookkeeping.claimSlot(claim);
    if (ended === true) return false;
    if (granted) break;
    if (!waited) await context.progress.waitFor('slot');
    waited = true;
    await condition(() => context.slotOffer.made, waitMs);
    context.slotOffer.made = false;
  }
  if (waited) await context.progress.waitFor(null);
  return true;
};

const watch = async (context: RunContext, runId: string, deadline: number): Promise<Exclude<WatchedRun, { state: 'running' }>> => {
  let phase: RunPhase = 'fetching';
  for (;;) {
    const seen: WatchedRun = await watcher.watchRun({ task_id: context.taskId, run_id: runId, seen_phase: phase });
    if (seen.state !== 'running') return seen;
    phase = seen.phase;
    await context.progress.enter(shownPhase(context.kind, phase));
    if (Date.now() > deadline) throw ApplicationFailure.nonRetryable('The run went on after its time limit and was ended.', 'TIMED_OUT');
  }
};

/** One run: granted a slot, started, watched to its end, released. However this ends, the run's processes are gone. */
const runOnce = async (context: RunContext, runId: string, epoch: number, timeMs: number) => {
  const reference = { task_id: context.taskId, run_id: runId };
  const setupMs = (context.spec.limits?.setup_seconds ?? DEFAULT_TASK_LIMITS.setup_seconds) * 1000;
  let ended = false;
  try {
    if (!(await waitForSlot(context, runId, epoch))) {
      ended = true;
      return RUN_BEFORE_RESET;
    }
    await control.startRun({ ...reference, time_ms: timeMs, setup_ms: setupMs });
    const end = await watch(context, runId, Date.now() + timeMs + setupMs + CLOCK_SLACK_MS);
    ended = true;
    return end;
  } finally {
    await CancellationScope.nonCancellable(async () => {
      if (!ended) await control.stopRun({ ...reference, grace_ms: STOP_GRACE_MS });
      await control.releaseRun(reference);
    });
  }
};

/**
 * Runs until a run of this kind ends by itself: a lost or interrupted run gets a successor that goes on from its last
 * checkpoint, with the whole time limit again (a station that was down for a night must not time its tasks out).
 */
export const runToEnd = async (context: RunContext): Promise<RunEnd> => {
  const timeMs = (context.spec.limits?.time_seconds ?? DEFAULT_TASK_LIMITS.time_seconds) * 1000;
  let losses = 0;
  await context.progress.enter(shownPhase(context.kind, 'fetching'));
  for (let epoch = 1; ; epoch++) {
    const end = await runOnce(context, runIdOf(context.taskId, context.kind, epoch), epoch, timeMs);
    if (end.state !== 'lost') return end;
    if (end.interrupted) continue;
    losses += 1;
    if (losses > MAX_RESUMES) return { state: 'failed', reason: end.reason ?? 'RUN_LOST', detail: end.detail };
    await sleep(500 * 2 ** losses);
  }
};

import { setTimeout as delay } from 'node:timers/promises';
import { type CleanUpDeps, cleanUpTask } from '../activities/clean-up.ts';
import { taskIdOfRun } from '../tasks/ids.ts';
import { type Engine, EngineUnavailableError } from '../tasks/ports/engine.ts';
import type { EventLog } from '../tasks/ports/event-log.ts';
import type { Ledger } from '../tasks/ports/ledger.ts';
import type { Claim, StartOutbox } from '../tasks/ports/start-outbox.ts';
import type { TaskStore } from '../tasks/ports/task-store.ts';
import { isTerminal } from '../tasks/status.ts';
import type { TaskRecord } from '../tasks/task.ts';
import { inputOf } from './starter.ts';

interface SweeperDeps extends CleanUpDeps {
  readonly tasks: TaskStore;
  readonly outbox: StartOutbox;
  readonly events: EventLog;
  readonly ledger: Ledger;
  readonly engine: Engine;
  readonly log: { info(fields: object, message: string): void; error(fields: object, message: string): void };
  /** Unique per process. */
  readonly by: string;
  /** How long an unfinished row may be without a write before its workflow is looked at. */
  readonly silentForMs?: number;
  /** False where runs outlive this machine and a schedule looks after them; true where absent. */
  readonly ownsRuns?: boolean;
}

const UNSTARTED: Omit<Claim, 'by'> = { leaseMs: 15_000, olderThanMs: 1_000, limit: 50 };
const SILENT: Omit<Claim, 'by' | 'olderThanMs'> = { leaseMs: 60_000, limit: 50 };
const SILENT_FOR_MS = 30_000;
const SWEEP_EVERY_MS = 1_000;
/** A reservation this old belongs to a gateway that is gone. */
const ABANDONED_RESERVATION_MS = 60 * 60_000;

/** Puts right what a dead process or an unreachable Temporal left behind: starts, cancellations, rows without a workflow, runs without a task. */
export const createSweeper = (deps: SweeperDeps) => {
  const { tasks, outbox, events, ledger, engine, runs, runner, log, by, silentForMs = SILENT_FOR_MS, ownsRuns = true } = deps;

  const end = async (task: TaskRecord, as: 'CANCELLED' | 'TERMINATED'): Promise<void> => {
    if (await outbox.endWithoutWorkflow(task.id, as)) {
      const row = await tasks.get(task.id);
      if (row !== null) {
        const { status, phase, waiting_for, failure } = row;
        await events.append(task.id, 'station', [
          { type: 'status', data: { status, phase, waiting_for, failure }, source_seq: 1, at: Date.now() },
        ]);
      }
    }
    await cleanUpTask(deps, task.id);
    log.info({ task_id: task.id, as }, 'ended a task that no workflow holds');
  };

  const start = async (task: TaskRecord): Promise<void> => {
    await engine.start(task.id, inputOf(task));
    await outbox.acknowledgeStart(task.id);
    log.info({ task_id: task.id }, 'started a task that was waiting for Temporal');
  };

  const settleUnstarted = async (task: TaskRecord): Promise<void> => {
    if (!task.cancel_requested) return start(task);
    if (!(await engine.cancel(task.id))) await end(task, 'CANCELLED');
  };

  const reconcile = async (task: TaskRecord): Promise<void> => {
    const state = await engine.describe(task.id);
    if (state === 'running') {
      if (task.cancel_requested) await engine.cancel(task.id);
    } else if (task.cancel_requested || state === 'cancelled') await end(task, 'CANCELLED');
    else if (state === 'absent') await start(task);
    else await end(task, 'TERMINATED');
  };

  const reapOrphans = async (): Promise<void> => {
    for (const runId of await runner.list()) {
      const task = await tasks.get(taskIdOfRun(runId));
      if (task !== null && !isTerminal(task.status)) continue;
      // The slot first: once the runner has forgotten the run, nothing leads to it any more.
      await runs.end(runId);
      await runner.remove(runId);
    }
  };

  /** One task that can't be put right must not keep the others waiting; its lease brings it back. */
  const each = async (claimed: readonly TaskRecord[], settle: (task: TaskRecord) => Promise<void>): Promise<void> => {
    for (const task of claimed) {
      try {
        await settle(task);
      } catch (error) {
        if (error instanceof EngineUnavailableError) return;
        log.error({ err: error, task_id: task.id }, 'a task could not be put right; it is tried again later');
      }
    }
  };

  const sweep = async (): Promise<void> => {
    await each(await outbox.claimUnstarted({ ...UNSTARTED, by }), settleUnstarted);
    await each(await outbox.claimSilent({ ...SILENT, by, olderThanMs: silentForMs }), reconcile);
    if (ownsRuns) await reapOrphans();
    await ledger.sweep(ABANDONED_RESERVATION_MS);
  };

  return {
    /** Sweeps every second until the signal aborts. An unreachable Temporal or store is waited out: rows come back when their lease is over. */
    async run(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        try {
          await sweep();
        } catch (error) {
          log.error({ err: error }, 'a sweep failed; the next one tries again');
        }
        await delay(SWEEP_EVERY_MS, undefined, { signal }).catch(() => undefined);
      }
    },
  };
};

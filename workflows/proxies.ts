import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
} from '@temporalio/workflow';
import type {
  BookkeepingActivities,
  OrphanActivities,
  OutputActivities,
  RetentionActivities,
  RunActivities,
  SourceActivities,
} from '../activities/contract.ts';

/** Reads of the outside world. Typed failures end after a few attempts; stores that are away are waited for, for minutes. A dead worker is noticed in 20 s. */
export const source = proxyActivities<SourceActivities>({
  startToCloseTimeout: '30m',
  heartbeatTimeout: '20s',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '15s', maximumAttempts: 20 },
});

/** Control of runs: idempotent calls that are repeated for minutes before the task is given up. A dead worker is noticed in 10 s. */
export const control = proxyActivities<Omit<RunActivities, 'watchRun'>>({
  startToCloseTimeout: '2m',
  heartbeatTimeout: '10s',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '30s', maximumAttempts: 12 },
});

/** Watching a run: a dead watcher is replaced within 10 s and picks the run up where it stands, for as long as the run lives. */
export const watcher = proxyActivities<Pick<RunActivities, 'watchRun'>>({
  startToCloseTimeout: '15m',
  heartbeatTimeout: '10s',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
});

/** The end of a task: repeated for ever, because nothing accepted is ever lost. */
export const output = proxyActivities<OutputActivities>({
  startToCloseTimeout: '10m',
  heartbeatTimeout: '30s',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '30s' },
});

/** Nobody waits for it, and the schedule comes again: given up after about an hour. */
export const retention = proxyActivities<RetentionActivities>({
  startToCloseTimeout: '30m',
  heartbeatTimeout: '1m',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '5s', backoffCoefficient: 2, maximumInterval: '10m', maximumAttempts: 12 },
});

/** The schedule comes again in minutes: a round that can't be sure is given up soon. */
export const orphans = proxyActivities<OrphanActivities>({
  startToCloseTimeout: '10m',
  heartbeatTimeout: '20s',
  retry: { initialInterval: '5s', backoffCoefficient: 2, maximumAttempts: 4 },
});

const quick = proxyLocalActivities<BookkeepingActivities>({
  startToCloseTimeout: '2s',
  scheduleToCloseTimeout: '5s',
  retry: { initialInterval: '100ms', backoffCoefficient: 2, maximumAttempts: 4 },
});

const patient = proxyActivities<BookkeepingActivities>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' },
});

/** A typed refusal is final; anything else (a store that is away) is tried again by a regular activity, which doesn't hold the workflow task. */
const isRefusal = (error: unknown): boolean =>
  error instanceof ActivityFailure && error.cause instanceof ApplicationFailure && error.cause.nonRetryable === true;

const withPatience =
  <I, O>(local: (input: I) => Promise<O>, regular: (input: I) => Promise<O>) =>
  async (input: I): Promise<O> => {
    try {
      return await local(input);
    } catch (error) {
      if (isCancellation(error) || isRefusal(error)) throw error;
      return await regular(input);
    }
  };

/** Short writes to the task store, one history event each. */
export const bookkeeping: BookkeepingActivities = {
  registerTask: withPatience(quick.registerTask, patient.registerTask),
  recordProgress: withPatience(quick.recordProgress, patient.recordProgress),
  claimSlot: withPatience(quick.claimSlot, patient.claimSlot),
};

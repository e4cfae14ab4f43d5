import { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure, TemporalFailure } from '@temporalio/common';
import { FAILURES, FailureError } from '../tasks/failure.ts';
import { ObjectStoreRefusedError } from '../tasks/ports/object-store.ts';
import { IsolationUnavailableError } from '../tasks/ports/runner.ts';

/** How often a step is tried for a reason that lies with the task. What lies with the station (a store that is away) has its proxy's patience. */
const TYPED_ATTEMPTS = 4;

/** The one place where what adapters throw becomes a failure that Temporal and the workflow understand. Reasons that may pass by themselves are retried. */
export const toTemporalFailure = (error: unknown, attempt: number): unknown => {
  if (error instanceof FailureError) {
    return ApplicationFailure.create({
      message: error.message,
      type: error.reason,
      nonRetryable: !FAILURES[error.reason].retryable || attempt >= TYPED_ATTEMPTS,
      cause: error,
    });
  }
  if (error instanceof IsolationUnavailableError) return ApplicationFailure.nonRetryable(error.message, 'ISOLATION_UNAVAILABLE');
  if (error instanceof ObjectStoreRefusedError) return ApplicationFailure.nonRetryable(error.message, 'INTERNAL');
  if (error instanceof TemporalFailure || error instanceof CancelledFailure) return error;
  if (error instanceof Error && error.name === 'AbortError') return new CancelledFailure('The activity was cancelled.');
  return error;
};

type Activity = (input: never) => Promise<unknown>;

/** Wraps each activity so that its errors leave it in Temporal's terms. */
export const withTemporalFailures = <T extends Record<keyof T, Activity>>(activities: T): T => {
  const wrap =
    (activity: Activity): Activity =>
    async (input) => {
      try {
        return await activity(input);
      } catch (error) {
        throw toTemporalFailure(error, Context.current().info.attempt);
      }
    };
  return Object.fromEntries(Object.entries<Activity>(activities).map(([name, activity]) => [name, wrap(activity)])) as T;
};

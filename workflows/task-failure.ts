import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';
import { isFailureReason, type TaskFailure } from '../tasks/failure.ts';

/** Why a task fails, from whatever its steps threw. Types decide, never messages. */
export const taskFailureOf = (error: unknown): TaskFailure => {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure && cause.type && isFailureReason(cause.type))
    return { reason: cause.type, detail: cause.message };
  if (cause instanceof TimeoutFailure) return { reason: 'INTERNAL', detail: `A step of the task took too long (${cause.timeoutType}).` };
  return { reason: 'INTERNAL', detail: cause instanceof Error ? cause.message : String(cause) };
};

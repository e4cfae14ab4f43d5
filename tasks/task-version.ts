import { isTerminal } from './status.ts';
import type { TaskRecord } from './task.ts';

/**
 * A number that rises with every change of a task's row, whoever writes it, without looking at a clock: the workflow's revision only rises,
 * a cancel request is never taken back, and an end is never undone.
 */
export const taskVersion = ({ revision, status, cancel_requested }: Pick<TaskRecord, 'revision' | 'status' | 'cancel_requested'>): number =>
  revision * 4 + (isTerminal(status) ? 2 : 0) + (cancel_requested ? 1 : 0);

/** The lowest version that a row of this revision can have. */
export const lowestVersionOf = (revision: number): number => revision * 4;

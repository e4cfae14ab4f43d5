import type { Client } from '@temporalio/client';
import type { eraseExpiredTasks } from '../workflows/retention.ts';
import { ensureSchedule } from './ensure-schedule.ts';

const DAY_MS = 24 * 3600 * 1000;

/** `codebay-retention` on the default task queue; stations that share a namespace each have their own. */
export const retentionScheduleId = (taskQueue: string): string => `${taskQueue}-retention`;

/** Erases expired tasks every hour. */
export const ensureRetentionSchedule = (options: {
  readonly client: Client;
  readonly taskQueue: string;
  readonly retentionDays: number;
}): Promise<void> => {
  const { client, taskQueue, retentionDays } = options;
  return ensureSchedule<typeof eraseExpiredTasks>({
    client,
    taskQueue,
    scheduleId: retentionScheduleId(taskQueue),
    every: '1h',
    workflowType: 'eraseExpiredTasks',
    args: [{ retention_ms: retentionDays * DAY_MS }],
  });
};

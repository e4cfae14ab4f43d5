import { type Client, ScheduleAlreadyRunning, type ScheduleOptions } from '@temporalio/client';
import type { eraseExpiredTasks, RetentionInput } from '../workflows/retention.ts';

const DAY_MS = 24 * 3600 * 1000;

/** `codebay-retention` on the default task queue; stations that share a namespace each have their own. */
export const retentionScheduleId = (taskQueue: string): string => `${taskQueue}-retention`;

/**
 * Makes the Temporal Schedule that erases expired tasks every hour, or brings it up to date; any number of workers may do so at once.
 * One that an operator paused stays paused.
 */
export const ensureRetentionSchedule = async (options: {
  readonly client: Client;
  readonly taskQueue: string;
  readonly retentionDays: number;
}): Promise<void> => {
  const { client, taskQueue, retentionDays } = options;
  const scheduleId = retentionScheduleId(taskQueue);
  const input: RetentionInput = { retention_ms: retentionDays * DAY_MS };
  const wanted = {
    spec: { intervals: [{ every: '1h' }] },
    action: {
      type: 'startWorkflow',
      workflowType: 'eraseExpiredTasks',
      workflowId: scheduleId,
      taskQueue,
      args: [input] as [RetentionInput],
    },
    policies: { overlap: 'SKIP', catchupWindow: '1h' },
  } satisfies Omit<ScheduleOptions, 'scheduleId'>;
  try {
    await client.schedule.create<typeof eraseExpiredTasks>({ scheduleId, ...wanted });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule.getHandle(scheduleId).update<typeof eraseExpiredTasks>(({ state }) => ({ ...wanted, state }));
  }
};

import type { Client } from '@temporalio/client';
import type { reapOrphanedRuns } from '../workflows/orphans.ts';
import { ensureSchedule } from './ensure-schedule.ts';

/** `codebay-orphans` on the default task queue; stations that share a namespace each have their own. */
export const orphanScheduleId = (taskQueue: string): string => `${taskQueue}-orphans`;

/** Removes runs that no workflow holds every five minutes. */
export const ensureOrphanSchedule = ({ client, taskQueue }: { readonly client: Client; readonly taskQueue: string }): Promise<void> =>
  ensureSchedule<typeof reapOrphanedRuns>({
    client,
    taskQueue,
    scheduleId: orphanScheduleId(taskQueue),
    every: '5m',
    workflowType: 'reapOrphanedRuns',
    args: [],
  });

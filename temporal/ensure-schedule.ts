import { type Client, ScheduleAlreadyRunning, type ScheduleOptions } from '@temporalio/client';
import type { Workflow } from '@temporalio/common';

interface Schedule<W extends Workflow> {
  readonly client: Client;
  /** The id of the schedule and of the workflows that it starts. */
  readonly scheduleId: string;
  readonly taskQueue: string;
  readonly every: '5m' | '1h';
  readonly workflowType: string;
  readonly args: Parameters<W>;
}

/** Makes a Temporal Schedule, never two rounds at once, or brings it up to date; any number of workers may do so at once. One that an operator paused stays paused. */
export const ensureSchedule = async <W extends Workflow>({ client, scheduleId, every, ...started }: Schedule<W>): Promise<void> => {
  const wanted = {
    spec: { intervals: [{ every }] },
    action: { type: 'startWorkflow', workflowId: scheduleId, ...started },
    policies: { overlap: 'SKIP', catchupWindow: every },
  } satisfies Omit<ScheduleOptions, 'scheduleId'>;
  try {
    await client.schedule.create({ scheduleId, ...wanted });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule.getHandle(scheduleId).update(({ state }) => ({ ...wanted, state }));
  }
};

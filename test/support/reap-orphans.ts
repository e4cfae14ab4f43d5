import { randomUUID } from 'node:crypto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { createReapOrphans } from '../../activities/reap-orphans.ts';
import type { Runner } from '../../tasks/ports/runner.ts';
import { createTemporalEngine } from '../../temporal/engine.ts';
import type { reapOrphanedRuns } from '../../workflows/orphans.ts';
import { fakeActivities } from './fake-activities.ts';
import { type openStationData, spec } from './station-data.ts';
import { testBundle } from './temporal.ts';

export type StationData = Awaited<ReturnType<typeof openStationData>>;
export type ReapDeps = Parameters<typeof createReapOrphans>[0];

/** One round of the reaper's workflow, with the real engine where `change` names no other; what it says. */
export const reapOrphans = async (
  env: TestWorkflowEnvironment,
  { stores, objects }: StationData,
  runner: Runner,
  change: Partial<ReapDeps> = {},
) => {
  const taskQueue = randomUUID();
  const engine = createTemporalEngine({ client: env.client, taskQueue });
  const { activities } = fakeActivities({ reapOrphans: createReapOrphans({ ...stores, objects, runner, engine, ...change }) });
  const worker = await Worker.create({ connection: env.nativeConnection, taskQueue, workflowBundle: await testBundle(), activities });
  return worker.runUntil(
    env.client.workflow.execute<typeof reapOrphanedRuns>('reapOrphanedRuns', {
      workflowId: randomUUID(),
      taskQueue,
      args: [],
      workflowExecutionTimeout: '8s',
    }),
  );
};

/** The task's workflow, which no worker carries on. */
export const openWorkflow = (env: TestWorkflowEnvironment, taskId: string): Promise<void> =>
  createTemporalEngine({ client: env.client, taskQueue: randomUUID() }).start(taskId, { version: 1, spec });

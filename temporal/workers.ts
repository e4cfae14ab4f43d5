import { type NativeConnection, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import type { Activities } from '../activities/contract.ts';

export interface WorkersOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  /** Of workflows and short steps, and of those that start, watch and end runs. */
  readonly queues: { readonly steps: string; readonly runs: string };
  readonly polls: 'both' | 'steps' | 'runs';
  readonly activities: Activities;
  /** Made only where workflows are polled for. */
  readonly workflowBundle: () => Promise<WorkflowBundleOption>;
  /** At once, of each queue. */
  readonly maxSteps: number;
  readonly maxRuns: number;
  readonly drainSeconds: number;
}

/** Starting and ending runs goes on while as many are watched as may be. */
const BESIDE_WATCHES = 50;

/**
 * One worker a task queue that this process polls. Workflows and steps have one, the steps of runs another: a watch does nothing but wait, for
 * hours, and any number of them must not keep a step from its turn. Both carry out every activity: releases before the second queue had
 * all of them on the first.
 */
export const createWorkers = async (options: WorkersOptions): Promise<readonly Worker[]> => {
  const { connection, namespace, queues, polls, activities, drainSeconds } = options;
  const common = {
    connection,
    namespace,
    activities,
    // In-flight steps finish or hand over; what is left is cancelled before the force time-out ends the process.
    shutdownGraceTime: `${drainSeconds}s`,
    shutdownForceTime: `${drainSeconds + 10}s`,
    maxHeartbeatThrottleInterval: '3s',
  } as const;
  const workers: Worker[] = [];
  if (polls !== 'runs') {
    const steps = await Worker.create({
      ...common,
      taskQueue: queues.steps,
      workflowBundle: await options.workflowBundle(),
      maxConcurrentActivityTaskExecutions: options.maxSteps,
      // A dead worker's cached workflows move to another one after this long.
      stickyQueueScheduleToStartTimeout: '3s',
    });
    workers.push(steps);
  }
  if (polls !== 'steps') {
    const maxConcurrentActivityTaskExecutions = options.maxRuns + BESIDE_WATCHES;
    workers.push(await Worker.create({ ...common, taskQueue: queues.runs, maxConcurrentActivityTaskExecutions }));
  }
  return workers;
};

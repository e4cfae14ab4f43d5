import { randomUUID } from 'node:crypto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../../../activities/contract.ts';
import { createTemporalEngine } from '../../../temporal/engine.ts';
import { createWorkers } from '../../../temporal/workers.ts';
import { fakeActivities } from '../../support/fake-activities.ts';
import { startTemporal, testBundle } from '../../support/temporal.ts';
import { until } from '../../support/until.ts';

const spec = { source: { type: 'git', url: 'https://example.com/a/b.git' }, prompt: 'Mend it', mode: 'modify' } as const;
const RUN_STEPS = ['startRun', 'watchRun', 'stopRun', 'releaseRun'];

/** Workers with these activities, which run while `use` does. */
const whileWorking = async (
  env: TestWorkflowEnvironment,
  queues: { readonly steps: string; readonly runs: string },
  by: readonly { readonly polls: 'both' | 'steps' | 'runs'; readonly activities: Activities }[],
  use: () => Promise<void>,
): Promise<void> => {
  const shared = { connection: env.nativeConnection, namespace: env.namespace ?? 'default', workflowBundle: testBundle, drainSeconds: 1 };
  const workers = (await Promise.all(by.map((one) => createWorkers({ ...shared, queues, ...one, maxSteps: 1, maxRuns: 1 })))).flat();
  const working = Promise.all(workers.map((worker) => worker.run()));
  try {
    await use();
  } finally {
    for (const worker of workers) worker.shutdown();
    await working;
  }
};

const freshQueues = () => {
  const steps = randomUUID();
  return { steps, runs: `${steps}-runs` };
};

const waiting = (env: TestWorkflowEnvironment, queues: { readonly steps: string }) =>
  createTemporalEngine({ client: env.client, taskQueue: queues.steps });

test('the steps of a run are for the workers that poll the queue of runs, all others for those of the steps', async () => {
  const env = await startTemporal();
  try {
    const queues = freshQueues();
    const steps = fakeActivities({ claimSlot: async () => ({ granted: true, queue: queues.runs }) });
    const runs = fakeActivities();
    const by = [
      { polls: 'steps', activities: steps.activities },
      { polls: 'runs', activities: runs.activities },
    ] as const;
    await whileWorking(env, queues, by, async () => {
      const taskId = randomUUID();
      await waiting(env, queues).start(taskId, { version: 1, spec, owner: 'alice' });
      await env.client.workflow.getHandle(taskId).result();
    });
    expect(runs.calls.map(({ name }) => name)).toEqual(['startRun', 'watchRun', 'watchRun', 'releaseRun']);
    expect(steps.calls.filter(({ name }) => RUN_STEPS.includes(name))).toEqual([]);
  } finally {
    await env.teardown();
  }
}, 60_000);

/**
 * How many of another owner's tasks are resolved before bob's, whose step was put into the queue when all of theirs waited there: the one
 * slot of the worker is held until then.
 */
const placeOfTheLast = async (env: TestWorkflowEnvironment): Promise<number> => {
  const queues = freshQueues();
  const engine = waiting(env, queues);
  const released = Promise.withResolvers<void>();
  const resolved: string[] = [];
  let place = -1;
  const { activities } = fakeActivities({
    resolveSource: async ({ task_id }) => {
      resolved.push(task_id);
      await released.promise;
      return { commit: 'c'.repeat(40), branch: null };
    },
  });
  const handleOf = (taskId: string) => env.client.workflow.getHandle(taskId);
  const start = async (owner: string): Promise<string> => {
    const taskId = randomUUID();
    await engine.start(taskId, { version: 1, spec, owner });
    return taskId;
  };
  const untilWaiting = (taskId: string) =>
    until('the task waits', async () => ((await handleOf(taskId).describe()).raw.pendingActivities ?? []).length > 0);
  await whileWorking(env, queues, [{ polls: 'both', activities }], async () => {
    const alices = await Promise.all(Array.from({ length: 20 }, () => start('alice')));
    await Promise.all(alices.map(untilWaiting));
    const bobs = await start('bob');
    await untilWaiting(bobs);
    released.resolve();
    await Promise.all([...alices, bobs].map((taskId) => handleOf(taskId).result()));
    place = resolved.indexOf(bobs);
  });
  return place;
};

/** A queue's partitions are emptied in no order among each other. */
const ONE_PARTITION = ['Read', 'Write'].map((side) => `matching.numTaskqueue${side}Partitions=1`);

test.each([
  ['true', (place: number) => place > 0 && place < 5],
  ['false', (place: number) => place === 20],
])(
  "with a server's fairness set to %s, who comes last waits as is to be expected",
  async (fairness, isExpected) => {
    const env = await startTemporal([`matching.enableFairness=${fairness}`, ...ONE_PARTITION]);
    try {
      const place = await placeOfTheLast(env);
      expect({ place, isExpected: isExpected(place) }).toEqual({ place, isExpected: true });
    } finally {
      await env.teardown();
    }
  },
  60_000,
);

import { randomUUID } from 'node:crypto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../../../activities/contract.ts';
import { createTemporalEngine } from '../../../temporal/engine.ts';
import { createWorkers } from '../../../temporal/workers.ts';
import { fakeActivities } from '../../support/fake-activities.ts';
import { startTemporal, testBundle } from '../../support/temporal.ts';

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

/** After how many of another owner's tasks bob's one ends, which came after all of them. */
const placeOfTheLast = async (env: TestWorkflowEnvironment): Promise<number> => {
  const queues = freshQueues();
  const engine = waiting(env, queues);
  const owners = new Map<string, string>();
  for (const owner of [...Array.from({ length: 20 }, () => 'alice'), 'bob']) {
    const taskId = randomUUID();
    owners.set(taskId, owner);
    await engine.start(taskId, { version: 1, spec, owner });
  }
  const { activities, calls } = fakeActivities();
  await whileWorking(env, queues, [{ polls: 'both', activities }], async () => {
    await Promise.all([...owners.keys()].map((taskId) => env.client.workflow.getHandle(taskId).result()));
  });
  const ended = calls.flatMap(({ name, input }) => (name === 'finishTask' ? [(input as { readonly task_id: string }).task_id] : []));
  expect(ended).toHaveLength(21);
  return ended.findIndex((taskId) => owners.get(taskId) === 'bob');
};

test.each([
  ['true', (place: number) => place < 5],
  ['false', (place: number) => place > 15],
])(
  "with a server's fairness set to %s, who comes last waits as is to be expected",
  async (fairness, isExpected) => {
    const env = await startTemporal([`matching.enableFairness=${fairness}`]);
    try {
      const place = await placeOfTheLast(env);
      expect({ place, isExpected: isExpected(place) }).toEqual({ place, isExpected: true });
    } finally {
      await env.teardown();
    }
  },
  60_000,
);

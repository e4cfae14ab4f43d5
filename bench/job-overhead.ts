import { randomUUID } from 'node:crypto';
import { Worker } from '@temporalio/worker';
import { createClaimSlot } from '../activities/claim-slot.ts';
import { createReleaseRun } from '../activities/release-run.ts';
import { createStartRun } from '../activities/start-run.ts';
import { createWatchRun } from '../activities/watch-run.ts';
import { createTemporalEngine } from '../temporal/engine.ts';
import { fakeActivities } from '../test/support/fake-activities.ts';
import { type RunCluster, startRunCluster } from '../test/support/run-cluster.ts';
import { orderOf, SCENARIOS } from '../test/support/stand-in-run.ts';
import { openStationData, spec } from '../test/support/station-data.ts';
import { startTemporal, testBundle } from '../test/support/temporal.ts';
import { until } from '../test/support/until.ts';
import { against, type Ratio } from './rounds.ts';

const ROUNDS = 7;
const MOST_ON_TOP_MS = 1_500;

/** A Job of `true` by the client alone: made, looked at every 50 ms until it is complete, removed. */
const bareJob = async ({ admin }: RunCluster, namespace: string): Promise<number> => {
  const name = `bare-${randomUUID().slice(0, 8)}`;
  const jobs = `/apis/batch/v1/namespaces/${namespace}/jobs`;
  const securityContext = {
    runAsUser: 10_001,
    runAsNonRoot: true,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  };
  const container = { name: 'true', image: 'codebay.test/busybox:1', command: ['true'], securityContext };
  const startedAt = performance.now();
  await admin.request('POST', jobs, {
    body: { metadata: { name }, spec: { backoffLimit: 0, template: { spec: { restartPolicy: 'Never', containers: [container] } } } },
  });
  await until('the bare Job is complete', async () => {
    const { status } = (await admin.request('GET', `${jobs}/${name}`)) as { status: { succeeded?: number } };
    return status.succeeded === 1;
  });
  await admin.request('DELETE', `${jobs}/${name}`, { body: { propagationPolicy: 'Background' } });
  return performance.now() - startedAt;
};

/**
 * A task whose run is a pod of all three containers that ends at once, by the real workflow, runner and store (fetching and collecting do
 * nothing), against a bare Job of `true`: what a task costs on top.
 */
export const run = async (): Promise<readonly Ratio[]> => {
  const env = await startTemporal();
  try {
    await using runs = await startRunCluster();
    await using data = await openStationData();
    const namespace = await runs.makeNamespace();
    const { stores } = data;
    const taskQueue = randomUUID();
    const engine = createTemporalEngine({ client: env.client, taskQueue });
    const runner = runs.runner(namespace);
    const order = orderOf(SCENARIOS.finish);
    const startRun = createStartRun({
      runs: stores.runs,
      tasks: stores.tasks,
      images: {},
      gatewayUrl: order.gatewayUrl,
      secret: 'x'.repeat(64),
      runLimits: order.limits,
      // The stand-in's identity is its program; the gateway that would know it isn't there.
      runner: { ...runner, start: (given) => runner.start({ ...given, identity: order.identity }) },
    });
    const completion = { outcome: 'succeeded', reason: null, detail: '', exit_code: null, artifacts: [] } as const;
    const { activities } = fakeActivities({
      claimSlot: createClaimSlot({ tasks: stores.tasks, runs: stores.runs, slots: { max: 10 }, runsQueue: taskQueue }),
      startRun: async (input) => {
        await startRun(input);
        await stores.runs.write(input.run_id, { completion });
      },
      watchRun: createWatchRun({ runner, runs: stores.runs, phases: stores.phases, draining: new AbortController().signal }),
      releaseRun: createReleaseRun({ runner, runs: stores.runs, engine }),
    });
    const worker = await Worker.create({ connection: env.nativeConnection, taskQueue, workflowBundle: await testBundle(), activities });
    const task = async (): Promise<number> => {
      const taskId = randomUUID();
      await stores.tasks.insert({ id: taskId, owner: 'default', spec });
      const startedAt = performance.now();
      await env.client.workflow.execute('codeTask', { workflowId: taskId, taskQueue, args: [{ version: 1, spec }] });
      return performance.now() - startedAt;
    };
    return await worker.runUntil(async () => {
      const onTop: number[] = [];
      for (let round = -1; round < ROUNDS; round++) {
        const bare = await bareJob(runs, namespace);
        const ours = await task();
        if (round >= 0) onTop.push(ours - bare);
      }
      return [against('job-overhead', 'ms on top', MOST_ON_TOP_MS, onTop)];
    });
  } finally {
    await env.teardown();
  }
};

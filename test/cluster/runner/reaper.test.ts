import { Client, Connection } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { type ClusterConnection, connectCluster } from '../../../platform/kubernetes/connection.ts';
import { secretNameOf } from '../../../platform/kubernetes/run-job.ts';
import type { KubernetesRunner } from '../../../platform/kubernetes.ts';
import { createTemporalEngine } from '../../../temporal/engine.ts';
import { freePort } from '../../servers/server-process.ts';
import { openWorkflow, type ReapDeps, reapOrphans } from '../../support/reap-orphans.ts';
import { kubeConfigOf, type RunCluster, read, startRunCluster } from '../../support/run-cluster.ts';
import { orderOf, SCENARIOS } from '../../support/stand-in-run.ts';
import { openStationData } from '../../support/station-data.ts';
import { startTemporal } from '../../support/temporal.ts';
import { until } from '../../support/until.ts';

let env: TestWorkflowEnvironment;
let runs: RunCluster;
let namespace: string;
let runner: KubernetesRunner;
beforeAll(async () => {
  [env, runs] = await Promise.all([startTemporal(), startRunCluster()]);
}, 180_000);
afterAll(async () => {
  await env?.teardown();
  await runs?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  namespace = await runs.makeNamespace();
  runner = runs.runner(namespace);
});
afterEach(() => runner.close());

const start = (runId: string, by = runner) => by.start(orderOf(SCENARIOS.live, { runId }));
const closeWorkflow = async (taskId: string): Promise<void> => {
  await openWorkflow(env, taskId);
  await env.client.workflow.getHandle(taskId).terminate();
};

/** Names of the runs' objects in the namespace, Jobs, Secrets and pods together. */
const objectsOf = async (runId: string): Promise<readonly string[]> => {
  const query = { labelSelector: `codebay.dev/run=${runId}` };
  const list = async (path: string) =>
    ((await runs.admin.request('GET', path, { query })) as { items: { metadata: { name: string } }[] }).items.map(
      ({ metadata }) => metadata.name,
    );
  const core = `/api/v1/namespaces/${namespace}`;
  return (await Promise.all([list(`/apis/batch/v1/namespaces/${namespace}/jobs`), list(`${core}/secrets`), list(`${core}/pods`)])).flat();
};

/** Null where it is gone, or going. */
const jobUid = async (runId: string): Promise<unknown> => {
  const job = await read(runs.admin, `/apis/batch/v1/namespaces/${namespace}/jobs/${runId}`);
  const { uid, deletionTimestamp } = (job?.metadata ?? {}) as { readonly uid?: string; readonly deletionTimestamp?: string };
  return deletionTimestamp === undefined ? (uid ?? null) : null;
};

test('Job, Secret and pod of a closed workflow are removed; those of a living one and of another installation stay', async () => {
  await using data = await openStationData();
  const [living, closed, foreign] = await Promise.all([data.taskWithRun(), data.taskWithRun(), data.taskWithRun()]);
  await openWorkflow(env, living.taskId);
  await Promise.all([closeWorkflow(closed.taskId), closeWorkflow(foreign.taskId)]);
  await Promise.all([start(living.runId), start(closed.runId), start(foreign.runId, runs.runner(namespace, { installation: 'other' }))]);
  const kept = [living, foreign].map(({ runId }) => runId);
  const before = await Promise.all(kept.map(jobUid));
  expect(await objectsOf(closed.runId)).toEqual(expect.arrayContaining([closed.runId, secretNameOf(closed.runId)]));

  expect(await reapOrphans(env, data, runner)).toEqual({ removed: 1, kept: 0 });
  await until('nothing is left of it', async () => (await objectsOf(closed.runId)).length === 0);
  expect(await Promise.all(kept.map(jobUid))).toEqual(before);
  for (const runId of kept) expect(await objectsOf(runId)).toEqual(expect.arrayContaining([runId, secretNameOf(runId)]));
  await Promise.all(kept.map((runId) => runner.remove(runId)));
});

interface Disturbed {
  readonly runner?: KubernetesRunner;
  readonly change?: Partial<ReapDeps>;
}

const engineAt = (connection: Connection, temporalNamespace = 'default') => ({
  change: { engine: createTemporalEngine({ client: new Client({ connection, namespace: temporalNamespace }), taskQueue: 'none' }) },
});

/** A cluster that nobody answers for. */
const deafCluster = async (): Promise<ClusterConnection> =>
  connectCluster(kubeConfigOf(runs.cluster.kubeconfig, `https://127.0.0.1:${await freePort()}`));

test.each<[string, () => Promise<Disturbed>]>([
  ['Temporal is asked in the wrong namespace', async () => engineAt(env.connection, 'elsewhere')],
  ['Temporal does not answer', async () => engineAt(Connection.lazy({ address: `127.0.0.1:${await freePort()}` }))],
  ['the API server does not answer', async () => ({ runner: runs.runner(namespace, { cluster: await deafCluster() }) })],
])('nothing is removed while %s', async (_, disturb) => {
  await using data = await openStationData();
  const taskId = crypto.randomUUID();
  const runId = `${taskId}-a1`;
  await closeWorkflow(taskId);
  await start(runId);
  const before = await jobUid(runId);
  const { runner: disturbed = runner, change } = await disturb();
  await reapOrphans(env, data, disturbed, change).catch(() => undefined);
  expect(await jobUid(runId)).toEqual(before);
  expect(await objectsOf(runId)).toEqual(expect.arrayContaining([runId, secretNameOf(runId)]));
  expect(await reapOrphans(env, data, runner)).toEqual({ removed: 1, kept: 0 });
});

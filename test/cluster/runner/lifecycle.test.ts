import type { ClusterConnection } from '../../../platform/kubernetes/connection.ts';
import type { KubernetesRunner } from '../../../platform/kubernetes.ts';
import { type RunCluster, read, startRunCluster } from '../../support/run-cluster.ts';
import { orderOf, SCENARIOS, untilExit } from '../../support/stand-in-run.ts';
import { until } from '../../support/until.ts';

let runs: RunCluster;
let namespace: string;
let runner: KubernetesRunner;
beforeAll(async () => {
  runs = await startRunCluster();
  namespace = await runs.makeNamespace();
  runner = runs.runner(namespace);
}, 180_000);
afterAll(() => runs[Symbol.asyncDispose]());

const jobPath = (runId: string) => `/apis/batch/v1/namespaces/${namespace}/jobs/${runId}`;
const secretPath = (runId: string) => `/api/v1/namespaces/${namespace}/secrets/${runId}-order`;
const pods = async (admin: ClusterConnection, runId: string) => {
  const query = { labelSelector: `codebay.dev/run=${runId}` };
  return ((await admin.request('GET', `/api/v1/namespaces/${namespace}/pods`, { query })) as { items: unknown[] }).items;
};
const uidOf = async (path: string) => (await read(runs.admin, path))?.metadata;
const isRunning = (runId: string) => async () => {
  const [pod] = (await pods(runs.admin, runId)) as { status: { phase: string } }[];
  return pod?.status.phase === 'Running';
};

test('a run that ends well is seen to, under PodSecurity restricted', async () => {
  const order = orderOf(SCENARIOS.finish);
  expect(await runner.observe(order.runId)).toEqual({ state: 'absent' });
  await runner.start(order);
  expect(await untilExit(runner, order.runId)).toEqual({ exitCode: 0, cause: 'finished', detail: '' });
  await runner.remove(order.runId);
  await until(
    'nothing is left',
    async () => (await pods(runs.admin, order.runId)).length === 0 && (await read(runs.admin, jobPath(order.runId))) === null,
  );
  expect(await read(runs.admin, secretPath(order.runId))).toBeNull();
  expect(await runner.observe(order.runId)).toEqual({ state: 'absent' });
});

test('starting again finds the same Job and makes a missing Secret again; another worker sees the run and its end', async () => {
  const order = orderOf(SCENARIOS.live);
  await runner.start(order);
  const first = await uidOf(jobPath(order.runId));
  expect(await uidOf(secretPath(order.runId))).toMatchObject({
    ownerReferences: [{ kind: 'Job', name: order.runId, uid: (first as { uid: string }).uid, blockOwnerDeletion: false }],
  });
  await runs.admin.request('DELETE', secretPath(order.runId));
  const other = runs.runner(namespace);
  await other.start(order);
  expect(await uidOf(jobPath(order.runId))).toMatchObject({ uid: (first as { uid: string }).uid });
  expect(await read(runs.admin, secretPath(order.runId))).not.toBeNull();
  await until('the pod runs', isRunning(order.runId));
  expect(await pods(runs.admin, order.runId)).toHaveLength(1);
  expect(await other.observe(order.runId)).toEqual({ state: 'running' });
  expect(await other.list()).toContain(order.runId);

  const seen = other.observe(order.runId, { waitMs: 60_000 });
  const startedAt = performance.now();
  await runner.stop(order.runId, 9_500);
  // The sidecar ends when it is told to; nothing has to be killed.
  expect(performance.now() - startedAt).toBeLessThan(9_000);
  expect(await pods(runs.admin, order.runId)).toEqual([]);
  expect(await seen).toMatchObject({ state: expect.stringMatching(/exited|absent/) });
  expect(await runner.observe(order.runId)).toEqual({ state: 'absent' });
  await runner.stop(order.runId, 9_500);
  await runner.remove(order.runId);
});

test('a sidecar that is deaf is ended by force within the grace period', async () => {
  const order = orderOf("trap '' TERM; while :; do sleep 1; done");
  await runner.start(order);
  await until('the pod runs', isRunning(order.runId));
  const startedAt = performance.now();
  await runner.stop(order.runId, 9_500);
  expect(performance.now() - startedAt).toBeGreaterThan(9_000);
  expect(performance.now() - startedAt).toBeLessThan(15_000);
  expect(await pods(runs.admin, order.runId)).toEqual([]);
});

test("another installation's runs are neither seen, taken over nor removed", async () => {
  const order = orderOf(SCENARIOS.live);
  await runner.start(order);
  const stranger = runs.runner(namespace, { installation: 'other' });
  expect(await stranger.list()).toEqual([]);
  expect(await stranger.observe(order.runId)).toEqual({ state: 'absent' });
  await expect(stranger.start(order)).rejects.toMatchObject({
    reason: 'RUN_REFUSED',
    message: expect.stringContaining('another installation'),
  });
  await stranger.stop(order.runId, 0);
  expect(await runner.observe(order.runId)).toEqual({ state: 'running' });
  await runner.stop(order.runId, 0);
});

test('a run is known by the gateway by an alias, has no API server in its environment and no token', async () => {
  const script = [
    'grep -q "192.0.2.1.*gateway.test" /etc/hosts || exit 11',
    '[ -z "$KUBERNETES_SERVICE_HOST$KUBERNETES_PORT$KUBERNETES_PORT_443_TCP_ADDR" ] || exit 12',
    '[ ! -e /var/run/secrets ] || exit 13',
    '[ "$(id -u)" = 10001 ] || exit 14',
    'echo x > /app/scratch/x || exit 15',
    'echo x > /usr/x 2>/dev/null && exit 16',
    'exit 0',
  ].join('\n');
  const order = orderOf(script);
  await runner.start(order);
  expect(await untilExit(runner, order.runId)).toEqual({ exitCode: 0, cause: 'finished', detail: '' });
  await runner.remove(order.runId);
});

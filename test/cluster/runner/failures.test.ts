import type { KubernetesRunnerOptions } from '../../../platform/kubernetes.ts';
import type { RunOrder } from '../../../tasks/run.ts';
import { endOfRun, type RunCluster, runningPod, STAND_IN_TEMPLATE, startRunCluster } from '../../support/run-cluster.ts';
import { failuresOfContainers } from '../../support/runner-failures-contract.ts';
import { orderOf, SCENARIOS } from '../../support/stand-in-run.ts';

const MiB = 1024 * 1024;
let runs: RunCluster;
let namespace: string;
beforeAll(async () => {
  runs = await startRunCluster();
  namespace = await runs.makeNamespace();
}, 180_000);
afterAll(() => runs[Symbol.asyncDispose]());

const endOf = (order: RunOrder, change?: Partial<KubernetesRunnerOptions>, during?: () => Promise<unknown>) =>
  endOfRun(runs, namespace, order, change, during);
const limits = orderOf('').limits;

failuresOfContainers(endOf);

test('a volume over its limit', async () => {
  const order = orderOf(SCENARIOS.fillDisk, { limits: { ...limits, diskBytes: 32 * MiB } });
  expect(await endOf(order)).toMatchObject({ cause: 'disk_full', detail: expect.stringMatching(/exceeds|limit/) });
}, 200_000);

test('what the sidecar itself says', async () => {
  expect(await endOf(orderOf(SCENARIOS.sayIsolation))).toEqual({ cause: 'isolation', exitCode: 1, detail: 'a door is open' });
});

test('an image that is not to be had', async () => {
  const exit = await endOf(orderOf(SCENARIOS.live, { image: 'registry.invalid/none:1' }), {
    bounds: { pendingMs: 60_000, startMs: 5_000 },
  });
  expect(exit).toMatchObject({ cause: 'image_pull', detail: expect.stringContaining('registry.invalid/none:1') });
});

test('an image without a shell', async () => {
  const exit = await endOf(orderOf(SCENARIOS.live, { image: 'codebay.test/pause:1' }));
  expect(exit).toMatchObject({ cause: 'not_started', detail: expect.stringContaining('/bin/sh') });
});

test('no node that would take it', async () => {
  const template = { ...STAND_IN_TEMPLATE, nodeSelector: { 'no-such': 'node' } };
  const exit = await endOf(orderOf(SCENARIOS.live), { template, bounds: { pendingMs: 3_000, startMs: 60_000 } });
  expect(exit).toMatchObject({ cause: 'unschedulable', detail: expect.stringContaining('node') });
});

test('a quota', async () => {
  const small = await runs.makeNamespace();
  const body = { metadata: { name: 'none' }, spec: { hard: { pods: '0' } } };
  await runs.admin.request('POST', `/api/v1/namespaces/${small}/resourcequotas`, { body });
  const exit = await endOf(orderOf(SCENARIOS.live), { namespace: small, bounds: { pendingMs: 60_000, startMs: 3_000 } });
  expect(exit).toMatchObject({ cause: 'refused', detail: expect.stringContaining('quota') });
});

test('an admission policy', async () => {
  const strict = await runs.makeNamespace();
  const body = { metadata: { name: 'all' }, spec: { limits: [{ type: 'Container', max: { memory: '1Mi' } }] } };
  await runs.admin.request('POST', `/api/v1/namespaces/${strict}/limitranges`, { body });
  const exit = await endOf(orderOf(SCENARIOS.live), { namespace: strict, bounds: { pendingMs: 60_000, startMs: 3_000 } });
  expect(exit).toMatchObject({ cause: 'refused', detail: expect.stringContaining('maximum memory usage') });
});

test('the deadline of its Job', async () => {
  // Its other parts are fixed, so that only a clock that has run out before makes it short.
  const order = orderOf(SCENARIOS.live, { limits: { ...limits, timeMs: 5_000 - 120_000 - 600_000 } });
  expect(await endOf(order)).toMatchObject({ cause: 'timed_out' });
});

test('an eviction, although its program ends well', async () => {
  const order = orderOf("trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done");
  const exit = await endOf(order, {}, async () => {
    const { name } = (await runningPod(runs, namespace, order.runId)).metadata;
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
    await runs.admin.request('POST', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, { body });
  });
  expect(exit).toMatchObject({ cause: 'evicted', exitCode: null, detail: expect.stringContaining('EvictionByEvictionAPI') });
});

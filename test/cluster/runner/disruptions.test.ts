import { CoreV1Api, SchedulingV1Api } from '@kubernetes/client-node';
import type { RunOrder } from '../../../tasks/run.ts';
import { endOfRun, kubeConfigOf, type RunCluster, runningPod, STAND_IN_TEMPLATE, startRunCluster } from '../../support/run-cluster.ts';
import { orderOf, SCENARIOS } from '../../support/stand-in-run.ts';
import { BUSYBOX_IMAGE } from '../images.ts';
import { ownOf, testInOwnCluster } from '../test-cluster.ts';

/* What happens to nodes and their pods without anybody's ill will. The workflow resumes a run that ends so. */
let runs: RunCluster;
let namespace: string;
let core: CoreV1Api;
beforeAll(async () => {
  runs = await startRunCluster();
  namespace = await runs.makeNamespace();
  core = kubeConfigOf(runs.cluster.kubeconfig).makeApiClient(CoreV1Api);
}, 180_000);
afterAll(() => runs[Symbol.asyncDispose]());

const node = (): string => ownOf(runs.cluster).nodeName;
const taint = (taints: readonly { readonly key: string; readonly effect: string }[]) =>
  core.patchNode({ name: node(), body: [{ op: 'add', path: '/spec/taints', value: taints }] });

const endWhile = (order: RunOrder, disrupt: () => Promise<unknown>, template = STAND_IN_TEMPLATE) =>
  endOfRun(runs, namespace, order, { template }, async () => {
    await runningPod(runs, namespace, order.runId);
    await disrupt();
  });

/** In cores. */
const allocatable = async (): Promise<number> => Number((await core.readNode({ name: node() })).status?.allocatable?.cpu);

testInOwnCluster('preemption by a pod of higher priority', async () => {
  const scheduling = kubeConfigOf(runs.cluster.kubeconfig).makeApiClient(SchedulingV1Api);
  await scheduling.createPriorityClass({ body: { metadata: { name: 'urgent' }, value: 1000 } });
  const cores = await allocatable();
  // Either fits, but not both.
  const template = { ...STAND_IN_TEMPLATE, shares: { ...STAND_IN_TEMPLATE.shares, cpuRequest: cores / 2, cpuLimit: cores } };
  const resources = { requests: { cpu: `${Math.round(cores * 600)}m` } };
  const urgent = { name: 'urgent', image: BUSYBOX_IMAGE, command: ['sleep', '600'], resources };
  const exit = await endWhile(
    orderOf(SCENARIOS.live),
    () =>
      core.createNamespacedPod({
        namespace: 'default',
        body: {
          metadata: { name: 'urgent' },
          spec: { priorityClassName: 'urgent', terminationGracePeriodSeconds: 0, containers: [urgent] },
        },
      }),
    template,
  );
  await core.deleteNamespacedPod({ namespace: 'default', name: 'urgent' });
  expect(exit).toMatchObject({ cause: 'evicted', exitCode: null, detail: expect.stringContaining('PreemptionByScheduler') });
});

testInOwnCluster('a node that is being emptied', async () => {
  const exit = await endWhile(orderOf(SCENARIOS.live), () => taint([{ key: 'maintenance', effect: 'NoExecute' }]));
  await taint([]);
  expect(exit).toMatchObject({ cause: 'evicted', exitCode: null, detail: expect.stringContaining('DeletionByTaintManager') });
});

testInOwnCluster(
  'a node that does not answer any more',
  async () => {
    const exit = await endWhile(orderOf(SCENARIOS.live), async () => {
      await ownOf(runs.cluster).killKubelet();
      // What the cluster itself comes to after minutes of silence, beyond what a run's pod tolerates.
      await taint([{ key: 'lost', effect: 'NoExecute' }]);
    });
    expect(exit).toMatchObject({ cause: 'evicted', exitCode: null, detail: expect.stringContaining('the node is lost') });
  },
  180_000,
);

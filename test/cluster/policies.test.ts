import type { V1Pod } from '@kubernetes/client-node';
import { KubeConfig, NetworkingV1Api } from '@kubernetes/client-node';
import { clusterPods } from '../support/cluster-pods.ts';
import { until } from '../support/until.ts';
import { openStandInsBelow, POD_PORT, type StandIns, standInsInside } from './outside.ts';
import { openTestCluster, ownOf, type TestCluster, testInOwnCluster } from './test-cluster.ts';

/* The policies of the chart are tried elsewhere; this proves that what enforces them here does, and that what it keeps apart would connect. */
const OTHER_PORT = 8081;

const stack = new AsyncDisposableStack();
let cluster: TestCluster;
let pods: ReturnType<typeof clusterPods>;
let restricted: V1Pod;
let free: V1Pod;
let allowed: V1Pod;
let targets: StandIns;

const addressOf = (pod: V1Pod): string => pod.status?.podIP ?? '';

beforeAll(async () => {
  cluster = stack.use(await openTestCluster());
  pods = clusterPods(cluster.kubeconfig);
  stack.defer(() => pods.removeAll());
  const namespace = await pods.namespace('policies');
  const server = ['httpd', '-f', '-p', String(POD_PORT)];
  [restricted, free, allowed] = await Promise.all([
    pods.pod(namespace, 'restricted', { app: 'restricted' }, ['sleep', '600']),
    pods.pod(namespace, 'free', { app: 'free' }, server),
    pods.pod(namespace, 'allowed', { app: 'allowed' }, ['sh', '-c', `httpd -p ${OTHER_PORT}; exec ${server.join(' ')}`]),
  ]);
  targets = {
    ...(await standInsInside(pods, free)),
    ...(cluster.own !== null && (await openStandInsBelow(cluster.own, stack))),
    'another port of the allowed pod': { host: addressOf(allowed), port: OTHER_PORT },
  };
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfig);
  await config.makeApiClient(NetworkingV1Api).createNamespacedNetworkPolicy({
    namespace,
    body: {
      metadata: { name: 'restricted' },
      spec: {
        podSelector: { matchLabels: { app: 'restricted' } },
        policyTypes: ['Ingress', 'Egress'],
        egress: [{ to: [{ podSelector: { matchLabels: { app: 'allowed' } } }], ports: [{ protocol: 'TCP', port: POD_PORT }] }],
      },
    },
  });
  await cluster.policiesSettled();
  // Elsewhere nobody says when.
  if (cluster.own === null)
    await until('the policy is enforced', async () => !(await pods.connects(restricted, addressOf(free), POD_PORT)));
}, 120_000);

afterAll(() => stack.disposeAsync(), 60_000);

/** Which of the targets a pod reaches. */
const reached = async (pod: V1Pod): Promise<readonly string[]> => {
  const looks = Object.entries(targets).map(async ([name, { host, port }]) => ({ name, connects: await pods.connects(pod, host, port) }));
  const results = await Promise.all(looks);
  return results.filter(({ connects }) => connects).map(({ name }) => name);
};

test('a pod that no policy selects reaches all of them', async () => {
  expect(await reached(allowed)).toEqual(Object.keys(targets));
});

test('a selected pod reaches the allowed port, and nothing else', async () => {
  expect(await pods.connects(restricted, addressOf(allowed), POD_PORT)).toBe(true);
  expect(await reached(restricted)).toEqual([]);
});

test('nobody reaches a pod whose ingress is closed', async () => {
  await expect(pods.exec(restricted, ['httpd', '-p', String(POD_PORT)])).resolves.toMatchObject({ code: 0 });
  expect(await pods.connects(free, addressOf(restricted), POD_PORT)).toBe(false);
});

testInOwnCluster('without the enforcer all of it connects, and with it again nothing does', async () => {
  await ownOf(cluster).stopEnforcer();
  expect(await reached(restricted)).toEqual(Object.keys(targets));
  expect(await pods.connects(free, addressOf(restricted), POD_PORT)).toBe(true);
  await ownOf(cluster).startEnforcer();
  expect(await reached(restricted)).toEqual([]);
});

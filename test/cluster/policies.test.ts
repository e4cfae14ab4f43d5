import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import { KubeConfig, NetworkingV1Api } from '@kubernetes/client-node';
import { execa } from 'execa';
import { findServer, type ServerProcess, startServerProcess } from '../servers/server-process.ts';
import { clusterPods } from '../support/cluster-pods.ts';
import { until } from '../support/until.ts';
import type { Cluster } from './cluster.ts';
import { API_PORT } from './components.ts';
import { inNamespace, OUTSIDE_ADDRESSES } from './network.ts';
import { openTestCluster, ownOf, type TestCluster, testInOwnCluster } from './test-cluster.ts';

/* The policies of the chart are tried elsewhere; this proves that what enforces them here does, and that what it keeps apart would connect. */
const OUTSIDE_PORT = 8080;
const KUBELET_PORT = 10250;

type Target = readonly [name: string, host: string, port: number];

let cluster: TestCluster;
let pods: ReturnType<typeof clusterPods>;
let outside: ServerProcess | null = null;
let restricted: V1Pod;
let free: V1Pod;
let allowed: V1Pod;
let targets: readonly Target[];

const addressOf = (pod: V1Pod): string => pod.status?.podIP ?? '';
const linkLocal = (text: string): string => /fe80:[0-9a-f:]+/.exec(text)?.[0] ?? '';

const startOutside = async ({ network, folder }: Cluster): Promise<ServerProcess> => {
  const emptyFolder = join(folder, 'served');
  await mkdir(emptyFolder);
  const busybox = (...args: readonly string[]) => inNamespace(network.outsideName, [findServer('busybox'), ...args]);
  const [program, ...args] = busybox('nc', '-w', '1', '127.0.0.1', String(OUTSIDE_PORT));
  return startServerProcess({
    command: busybox('httpd', '-f', '-p', String(OUTSIDE_PORT), '-h', emptyFolder),
    isReady: async () => (await execa(program, args, { reject: false, input: '' })).exitCode === 0,
  });
};

const targetsInside = async (): Promise<readonly Target[]> => {
  const { core } = pods;
  const { spec } = await core.readNamespacedService({ namespace: 'default', name: 'kubernetes' });
  const { subsets } = await core.readNamespacedEndpoints({ namespace: 'default', name: 'kubernetes' });
  const node = await core.readNode({ name: free.spec?.nodeName ?? '' });
  const nodeAddress = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
  const podLink = linkLocal((await pods.exec(free, ['ip', '-6', 'addr', 'show', 'eth0'])).output);
  return [
    ['another pod', addressOf(free), 8080],
    ['another port of the allowed pod', addressOf(allowed), 8081],
    ['the API server', subsets?.[0]?.addresses?.[0]?.ip ?? '', subsets?.[0]?.ports?.[0]?.port ?? 0],
    ['the API server by its service', spec?.clusterIP ?? '', 443],
    ['the kubelet', nodeAddress, KUBELET_PORT],
    ['another pod by IPv6 link-local', `${podLink}%eth0`, 8080],
  ];
};

/** Known, or made, only from below a cluster. */
const targetsBelow = async ({ network }: Cluster): Promise<readonly Target[]> => {
  const [program, ...args] = inNamespace(network.name, [findServer('ip'), '-6', 'addr', 'show', 'cni0']);
  const nodeLink = linkLocal((await execa(program, args)).stdout);
  return [
    ['the metadata server', OUTSIDE_ADDRESSES.metadata, OUTSIDE_PORT],
    ['the internet', OUTSIDE_ADDRESSES.internet, OUTSIDE_PORT],
    ['the API server by IPv6 link-local', `${nodeLink}%eth0`, API_PORT],
  ];
};

beforeAll(async () => {
  cluster = await openTestCluster();
  pods = clusterPods(cluster.kubeconfig);
  const namespace = await pods.namespace('policies');
  const server = ['httpd', '-f', '-p', '8080'];
  [restricted, free, allowed] = await Promise.all([
    pods.pod(namespace, 'restricted', { app: 'restricted' }, ['sleep', '600']),
    pods.pod(namespace, 'free', { app: 'free' }, server),
    pods.pod(namespace, 'allowed', { app: 'allowed' }, ['sh', '-c', 'httpd -p 8081; exec httpd -f -p 8080']),
  ]);
  targets = await targetsInside();
  if (cluster.own !== null) {
    outside = await startOutside(cluster.own);
    targets = [...targets, ...(await targetsBelow(cluster.own))];
  }
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfig);
  await config.makeApiClient(NetworkingV1Api).createNamespacedNetworkPolicy({
    namespace,
    body: {
      metadata: { name: 'restricted' },
      spec: {
        podSelector: { matchLabels: { app: 'restricted' } },
        policyTypes: ['Ingress', 'Egress'],
        egress: [{ to: [{ podSelector: { matchLabels: { app: 'allowed' } } }], ports: [{ protocol: 'TCP', port: 8080 }] }],
      },
    },
  });
  await cluster.policiesSettled();
  // Elsewhere nobody says when.
  if (cluster.own === null) await until('the policy is enforced', async () => !(await pods.connects(restricted, addressOf(free), 8080)));
}, 120_000);

afterAll(async () => {
  await outside?.end('SIGKILL');
  await pods?.removeAll();
  await cluster?.[Symbol.asyncDispose]();
}, 60_000);

/** Which of the targets a pod reaches. */
const reached = async (pod: V1Pod): Promise<readonly string[]> => {
  const results = await Promise.all(targets.map(async ([name, host, port]) => ({ name, connects: await pods.connects(pod, host, port) })));
  return results.filter(({ connects }) => connects).map(({ name }) => name);
};

test('a pod that no policy selects reaches all of them', async () => {
  expect(await reached(allowed)).toEqual(targets.map(([name]) => name));
});

test('a selected pod reaches the allowed port, and nothing else', async () => {
  expect(await pods.connects(restricted, addressOf(allowed), 8080)).toBe(true);
  expect(await reached(restricted)).toEqual([]);
});

test('nobody reaches a pod whose ingress is closed', async () => {
  await expect(pods.exec(restricted, ['httpd', '-p', '8080'])).resolves.toMatchObject({ code: 0 });
  expect(await pods.connects(free, addressOf(restricted), 8080)).toBe(false);
});

testInOwnCluster('without the enforcer all of it connects, and with it again nothing does', async () => {
  await ownOf(cluster).stopEnforcer();
  expect(await reached(restricted)).toEqual(targets.map(([name]) => name));
  expect(await pods.connects(free, addressOf(restricted), 8080)).toBe(true);
  await ownOf(cluster).startEnforcer();
  expect(await reached(restricted)).toEqual([]);
});

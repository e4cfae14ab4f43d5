import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import { KubeConfig, NetworkingV1Api } from '@kubernetes/client-node';
import { execa } from 'execa';
import { findServer, type ServerProcess, startServerProcess } from '../servers/server-process.ts';
import { clusterPods } from '../support/cluster-pods.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { API_PORT } from './components.ts';
import { inNamespace, OUTSIDE_ADDRESSES } from './network.ts';

/* The policies of the chart are tried elsewhere; this proves that what enforces them here does, and that what it keeps apart would connect. */
const OUTSIDE_PORT = 8080;
const KUBELET_PORT = 10250;

let cluster: Cluster;
let pods: ReturnType<typeof clusterPods>;
let outside: ServerProcess;
let restricted: V1Pod;
let free: V1Pod;
let allowed: V1Pod;
let targets: readonly (readonly [name: string, host: string, port: number])[];

const addressOf = (pod: V1Pod): string => pod.status?.podIP ?? '';
const linkLocal = (text: string): string => /fe80:[0-9a-f:]+/.exec(text)?.[0] ?? '';

beforeAll(async () => {
  cluster = await startCluster();
  pods = clusterPods(cluster.kubeconfig);
  const { network, nodeAddress } = cluster;
  const emptyFolder = join(cluster.folder, 'served');
  await mkdir(emptyFolder);
  outside = await startServerProcess({
    command: inNamespace(network.outsideName, [findServer('busybox'), 'httpd', '-f', '-p', String(OUTSIDE_PORT), '-h', emptyFolder]),
    isReady: async () => {
      const [program, ...args] = inNamespace(network.outsideName, [
        findServer('busybox'),
        'nc',
        '-w',
        '1',
        '127.0.0.1',
        String(OUTSIDE_PORT),
      ]);
      return (await execa(program, args, { reject: false, input: '' })).exitCode === 0;
    },
  });
  const namespace = await pods.namespace('policies');
  const server = ['httpd', '-f', '-p', '8080'];
  [restricted, free, allowed] = await Promise.all([
    pods.pod(namespace, 'restricted', { app: 'restricted' }, ['sleep', '600']),
    pods.pod(namespace, 'free', { app: 'free' }, server),
    pods.pod(namespace, 'allowed', { app: 'allowed' }, ['sh', '-c', 'httpd -p 8081; exec httpd -f -p 8080']),
  ]);
  const podLink = linkLocal((await pods.exec(free, ['ip', '-6', 'addr', 'show', 'eth0'])).output);
  const [program, ...args] = inNamespace(network.name, [findServer('ip'), '-6', 'addr', 'show', 'cni0']);
  const nodeLink = linkLocal((await execa(program, args)).stdout);
  targets = [
    ['another pod', addressOf(free), 8080],
    ['another port of the allowed pod', addressOf(allowed), 8081],
    ['the API server', nodeAddress, API_PORT],
    ['the API server by its service', network.apiServiceAddress, 443],
    ['the kubelet', nodeAddress, KUBELET_PORT],
    ['the metadata server', OUTSIDE_ADDRESSES.metadata, OUTSIDE_PORT],
    ['the internet', OUTSIDE_ADDRESSES.internet, OUTSIDE_PORT],
    ['another pod by IPv6 link-local', `${podLink}%eth0`, 8080],
    ['the API server by IPv6 link-local', `${nodeLink}%eth0`, API_PORT],
  ];
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
}, 120_000);

afterAll(async () => {
  await outside?.end('SIGKILL');
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

test('without the enforcer all of it connects, and with it again nothing does', async () => {
  await cluster.stopEnforcer();
  expect(await reached(restricted)).toEqual(targets.map(([name]) => name));
  expect(await pods.connects(free, addressOf(restricted), 8080)).toBe(true);
  await cluster.startEnforcer();
  expect(await reached(restricted)).toEqual([]);
});

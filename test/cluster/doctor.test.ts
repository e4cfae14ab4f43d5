import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoreV1Api, KubeConfig, RbacAuthorizationV1Api } from '@kubernetes/client-node';
import { execa } from 'execa';
import { WORKER_PERMISSIONS } from '../../platform/kubernetes/permissions.ts';
import { freePort } from '../servers/server-process.ts';
import { clusterPods } from '../support/cluster-pods.ts';
import { openTestCluster, type TestCluster } from './test-cluster.ts';

const CLI = join(import.meta.dirname, '../../cli/main.ts');

let cluster: TestCluster;
let config: KubeConfig;
let pods: ReturnType<typeof clusterPods>;
let namespace: string;
let folder: string;
beforeAll(async () => {
  cluster = await openTestCluster();
  config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfig);
  pods = clusterPods(cluster.kubeconfig);
  namespace = await pods.namespace('doctor');
  folder = await mkdtemp(join(tmpdir(), 'codebay-doctor-'));
}, 120_000);
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await pods?.removeAll();
  await cluster?.[Symbol.asyncDispose]();
}, 60_000);

/** What `codebay doctor` says of the cluster: its lines, and what it tells to do. */
const diagnosis = async (kubeconfig: string, runsNamespace = namespace): Promise<readonly string[]> => {
  const { stdout } = await execa(process.execPath, [CLI, 'doctor'], {
    cwd: folder,
    env: {
      KUBECONFIG: kubeconfig,
      CODEBAY_RUNNER: 'kubernetes',
      CODEBAY_KUBERNETES_NAMESPACE: runsNamespace,
      OPENAI_BASE_URL: 'http://127.0.0.1:1/v1',
      NO_COLOR: '1',
    },
    reject: false,
    lines: true,
  });
  const about = (line: string) => /^. (Cluster|Namespace) /.test(line);
  return stdout
    .filter((line, index) => about(line) || (line.includes('→') && about(stdout[index - 1] ?? '')))
    .map((line) => line.replace(/ +/g, ' '));
};

/** The kubeconfig of this cluster for another user, or at another address. */
const kubeconfigWith = async (name: string, user: object, server = config.getCurrentCluster()?.server): Promise<string> => {
  const { caData } = config.getCurrentCluster() ?? {};
  const file = join(folder, `${name}.kubeconfig`);
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': caData } }],
    users: [{ name, user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: name } }],
    'current-context': 'x',
  };
  await writeFile(file, JSON.stringify(content), { mode: 0o600 });
  return file;
};

/** A service account of the runs' namespace that may do what a worker may, but for one thing. */
const workerWithout = async (verb: string, resource: string): Promise<string> => {
  const name = `no-${verb}-${resource}`;
  const core = config.makeApiClient(CoreV1Api);
  const rbac = config.makeApiClient(RbacAuthorizationV1Api);
  const rules = WORKER_PERMISSIONS.map(({ group, resource: one, verbs }) => ({
    apiGroups: [group],
    resources: [one],
    verbs: verbs.filter((each) => !(one === resource && each === verb)),
  }));
  await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name } } });
  await rbac.createNamespacedRole({ namespace, body: { metadata: { name }, rules } });
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
  await rbac.createNamespacedRoleBinding({
    namespace,
    body: { metadata: { name }, roleRef, subjects: [{ kind: 'ServiceAccount', name, namespace }] },
  });
  const body = { spec: { audiences: [] } };
  const { status } = await core.createNamespacedServiceAccountToken({ namespace, name, body });
  return kubeconfigWith(name, { token: status?.token });
};

test('its version, and that runs may be started', async () => {
  expect(await diagnosis(cluster.kubeconfig)).toEqual([
    expect.stringMatching(/^✓ Cluster v1\.\d+\./),
    `✓ Namespace runs may be started in ${namespace}`,
  ]);
});

test('a namespace that is not there', async () => {
  expect(await diagnosis(cluster.kubeconfig, 'nowhere')).toEqual([
    expect.stringMatching(/^✓ Cluster /),
    '✗ Namespace there is no namespace nowhere',
    ' → Install the Helm chart, or name another one by CODEBAY_KUBERNETES_NAMESPACE.',
  ]);
});

test('the one permission that a worker lacks', async () => {
  expect(await diagnosis(await workerWithout('delete', 'secrets'))).toEqual([
    expect.stringMatching(/^✓ Cluster /),
    `✗ Namespace in ${namespace} this user may not: delete secrets`,
    " → Give it the chart's role codebay-worker in that namespace.",
  ]);
});

test('a credential that is not one', async () => {
  expect(await diagnosis(await kubeconfigWith('stranger', { token: 'made-up' }))).toEqual([
    expect.stringMatching(/^✗ Cluster the API server refuses this user: /),
    ' → Check the credential in KUBECONFIG.',
    `✗ Namespace what may be done in ${namespace} can't be told`,
    ' → Mend the cluster first.',
  ]);
});

test('an API server that does not answer', async () => {
  expect(await diagnosis(await kubeconfigWith('away', {}, `https://127.0.0.1:${await freePort()}`))).toEqual([
    '✗ Cluster the API server does not answer',
    ' → Check KUBECONFIG and the network.',
    `✗ Namespace what may be done in ${namespace} can't be told`,
    ' → Mend the cluster first.',
  ]);
});

test('a kubeconfig that is not there', async () => {
  expect(await diagnosis(join(folder, 'none'))).toEqual([
    expect.stringMatching(/^✗ Cluster the kubeconfig can't be read: /),
    ' → Check KUBECONFIG.',
  ]);
});

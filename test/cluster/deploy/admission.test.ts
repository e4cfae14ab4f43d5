import type { V1Container, V1Job, V1PodSpec } from '@kubernetes/client-node';
import { connectCluster } from '../../../platform/kubernetes/connection.ts';
import { jobOf, secretNameOf } from '../../../platform/kubernetes/run-job.ts';
import type { PodTemplate } from '../../../platform/kubernetes/run-pod.ts';
import { createKubernetesRunner } from '../../../platform/kubernetes.ts';
import { renderInstall } from '../../../scripts/deploy/render.ts';
import type { RunOrder } from '../../../tasks/run.ts';
import { applyRules, RUNS_NAMESPACE } from '../../support/install-manifest.ts';
import { type Kubectl, kubectlWith } from '../../support/kubectl.ts';
import { kubeConfigOf } from '../../support/run-cluster.ts';
import { until } from '../../support/until.ts';
import { type Cluster, startCluster } from '../cluster.ts';

const MiB = 1024 * 1024;
const order: RunOrder = {
  runId: 'task-1-a1',
  gatewayUrl: 'http://codebay-gateway:8421',
  identity: 'identity',
  limits: {
    timeMs: 60_000,
    setupTimeMs: 60_000,
    memoryBytes: 512 * MiB,
    processes: 128,
    diskBytes: 1024 * MiB,
    logBytes: MiB,
  },
};

/** Repositories with an image of their own. */
const AGENT_IMAGES = {
  'git.test/acme/app': 'registry.test:5000/acme/app:1',
  'git.test/acme/pinned': `acme/pinned@sha256:${'0'.repeat(64)}`,
};

const TEMPLATE: PodTemplate = {
  images: { sidecar: 'codebay:0.1.0', agent: 'codex-agent:0.1.0' },
  shares: { cpuRequest: 0.25, cpuLimit: 2, memoryRequestBytes: 256 * MiB },
  pullSecrets: [],
  nodeSelector: {},
  tolerations: [],
  priorityClass: 'codebay-runs',
  runtimeClass: null,
  codeStorageClass: null,
};

/** As the worker of install.yaml is told to make them. */
const runsJob = (image?: string): V1Job =>
  jobOf(
    { ...order, ...(image !== undefined && { image }) },
    {
      namespace: RUNS_NAMESPACE,
      installation: 'codebay',
      template: TEMPLATE,
      labels: {},
      annotations: {},
      pendingMs: 60_000,
    },
    { hostname: 'codebay-gateway', address: '10.96.0.20' },
  );

let cluster: Cluster;
let kubectl: Kubectl;
const create = (object: object) => kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify(object));

const specOf = (job: V1Job): V1PodSpec => {
  const spec = job.spec?.template.spec;
  if (!spec) throw new Error('the Job has no pod');
  return spec;
};
const containerOf = (spec: V1PodSpec, name: string): V1Container => {
  const found = spec.containers.find((one) => one.name === name);
  if (!found) throw new Error(`the pod has no ${name}`);
  return found;
};
const changed = (change: (spec: V1PodSpec) => void): V1Job => {
  const job = structuredClone(runsJob());
  change(specOf(job));
  return job;
};

beforeAll(async () => {
  cluster = await startCluster();
  kubectl = kubectlWith(cluster.kubeconfig);
  await applyRules(kubectl, renderInstall(`--set-json=settings.CODEBAY_AGENT_IMAGES=${JSON.stringify(AGENT_IMAGES)}`));
  const bare = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'bare', namespace: RUNS_NAMESPACE }, spec: { containers: [] } };
  const container = { ...containerOf(specOf(runsJob()), 'agent'), volumeMounts: [] };
  const spec = { ...specOf(runsJob()), priorityClassName: undefined, containers: [container], volumes: [] };
  await until('the policy is in force', async () => (await create({ ...bare, spec })).stderr.includes('exactly the containers'), 60_000);
}, 180_000);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
}, 60_000);

test("the runner's own Job, and the pod that comes of it, are admitted", async () => {
  const job = runsJob();
  expect(await create(job)).toMatchObject({ ok: true, stderr: '' });
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...job.spec?.template.metadata, name: 'p', namespace: RUNS_NAMESPACE } };
  expect(await create({ ...pod, spec: specOf(job) })).toMatchObject({ ok: true, stderr: '' });
});

const REFUSED: readonly (readonly [what: string, why: string, change: (spec: V1PodSpec) => void])[] = [
  [
    'an agent image that is not allowed',
    "the agent's image is not allowed",
    (spec) => Object.assign(containerOf(spec, 'agent'), { image: 'evil/codex-agent:0.1.0' }),
  ],
  [
    'another image for the tools',
    "the agent's image is not allowed",
    (spec) => Object.assign(containerOf(spec, 'tools'), { image: 'codex-agent-evil:1' }),
  ],
  ["another sidecar's image", "the sidecar's image", (spec) => Object.assign(containerOf(spec, 'sidecar'), { image: 'codebay-evil:1' })],
  ['a fourth container', 'exactly the containers', (spec) => spec.containers.push({ ...containerOf(spec, 'agent'), name: 'more' })],
  [
    'an init container',
    'no init containers',
    (spec) => Object.assign(spec, { initContainers: [{ ...containerOf(spec, 'agent'), name: 'init' }] }),
  ],
  [
    'a way to privileges',
    'no capabilities and no way to privileges',
    (spec) => Object.assign(containerOf(spec, 'agent').securityContext ?? {}, { allowPrivilegeEscalation: true }),
  ],
  [
    'a privileged container',
    // A cluster that allows none at all says so first.
    'privileg',
    (spec) => Object.assign(containerOf(spec, 'agent').securityContext ?? {}, { privileged: true, allowPrivilegeEscalation: true }),
  ],
  [
    'a capability',
    'no capabilities and no way to privileges',
    (spec) =>
      Object.assign(containerOf(spec, 'agent').securityContext ?? {}, { capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } }),
  ],
  [
    'a root that can be written',
    'a read-only root',
    (spec) => Object.assign(containerOf(spec, 'agent').securityContext ?? {}, { readOnlyRootFilesystem: false }),
  ],
  [
    "the sidecar's user for the agent",
    'the sidecar is user 10001',
    (spec) => Object.assign(containerOf(spec, 'agent').securityContext ?? {}, { runAsUser: 10_001 }),
  ],
  ['a path of the host', "a run's volumes are", (spec) => spec.volumes?.push({ name: 'host', hostPath: { path: '/' } })],
  [
    'a volume that is claimed',
    "a run's volumes are",
    (spec) => spec.volumes?.push({ name: 'more', persistentVolumeClaim: { claimName: 'x' } }),
  ],
  [
    'a second Secret',
    "a run's volumes are",
    (spec) => spec.volumes?.push({ name: 'more', secret: { secretName: secretNameOf('task-2-a1') } }),
  ],
  [
    'a projected service account token',
    "a run's volumes are",
    (spec) => spec.volumes?.push({ name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }),
  ],
  [
    'the order in the agent',
    "only the sidecar sees the run's identity",
    (spec) => containerOf(spec, 'agent').volumeMounts?.push({ name: 'order', mountPath: '/o' }),
  ],
  [
    'a variable from a Secret',
    'no variable of a run',
    (spec) =>
      containerOf(spec, 'agent').env?.push({ name: 'X', valueFrom: { secretKeyRef: { name: 'task-2-a1-order', key: 'order.json' } } }),
  ],
  ['a mounted token', 'no service account token', (spec) => Object.assign(spec, { automountServiceAccountToken: true })],
  ['a service account', 'no service account of its own', (spec) => Object.assign(spec, { serviceAccountName: 'other' })],
  ["the node's network", 'shares no namespace', (spec) => Object.assign(spec, { hostNetwork: true })],
  ['a shared process namespace', 'shares no namespace', (spec) => Object.assign(spec, { shareProcessNamespace: true })],
  ['name service', 'has no DNS', (spec) => Object.assign(spec, { dnsPolicy: 'ClusterFirst', dnsConfig: undefined })],
  ['a node of its choice', 'the scheduler chooses', (spec) => Object.assign(spec, { nodeName: 'node' })],
  ['no memory limit', 'have a memory limit', (spec) => Object.assign(containerOf(spec, 'agent'), { resources: {} })],
];

test.each(REFUSED)('refused: %s', async (_, why, change) => {
  const { ok, stderr } = await create(changed(change));
  expect({ ok, stderr }).toEqual({ ok: false, stderr: expect.stringContaining(why) });
});

test.each([
  ...Object.values(AGENT_IMAGES),
  // Of the release before, whose workers still start runs in an upgrade.
  'registry.test:5000/acme/app:0.9',
  `registry.test:5000/acme/app@sha256:${'1'.repeat(64)}`,
])("admitted: a repository's own image %s", async (image) => {
  expect(await create(runsJob(image))).toMatchObject({ ok: true, stderr: '' });
});

test.each([
  'acme/app:1',
  'registry.test:5000/acme/app-evil:1',
  'registry.test:5000/acme/app/evil:1',
  'registry.test:5000/acme/app',
  'registry.test:5000/acme:1',
])('refused: the image %s, of no repository that has one', async (image) => {
  const { ok, stderr } = await create(runsJob(image));
  expect({ ok, stderr }).toEqual({ ok: false, stderr: expect.stringContaining("the agent's image is not allowed") });
});

test('the runner says that a run with another image is refused, and why', async () => {
  const runner = createKubernetesRunner({
    ...{ cluster: connectCluster(kubeConfigOf(cluster.kubeconfig)), namespace: RUNS_NAMESPACE, installation: 'codebay' },
    ...{ template: TEMPLATE, labels: {}, annotations: {}, forbidden: [], bounds: { pendingMs: 1000, startMs: 1000 } },
    ...{ resolve: async () => '10.96.0.20', log: { warn: () => undefined } },
  });
  try {
    await expect(runner.start({ ...order, image: 'evil/app:1' })).rejects.toMatchObject({
      reason: 'RUN_REFUSED',
      message: expect.stringContaining("the agent's image is not allowed"),
    });
  } finally {
    runner.close();
  }
});

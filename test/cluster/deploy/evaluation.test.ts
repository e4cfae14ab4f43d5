import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { HELM } from '../../../scripts/setup/deploy-tools.mjs';
import { findGoTool } from '../../../scripts/setup/go-tool.mjs';
import { builtImages, imageValue } from '../../support/built-images.ts';
import { kubectlWith, mustSay } from '../../support/kubectl.ts';
import { startScriptedModel } from '../../support/scripted-model.ts';
import { type Cluster, startCluster } from '../cluster.ts';
import { STAND_IN, writeStandIn } from './stand-in.ts';

const CHART = join(import.meta.dirname, '../../../deploy/helm/codebay');
const SAYS = 'It greets whom it is told to greet.';

const resources = {
  requests: { cpu: '20m', memory: '64Mi', 'ephemeral-storage': '1Mi' },
  limits: { cpu: '2', memory: '1Gi', 'ephemeral-storage': '1Gi' },
};

/** What kind, k3s and minikube bring: a default StorageClass. Its volumes are made here beforehand, one for each claim. */
const volumes = (folder: string, node: string, count: number) => [
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'kubernetes.io/no-provisioner',
    volumeBindingMode: 'WaitForFirstConsumer',
  },
  ...Array.from({ length: count }, (_, index) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `volume-${index}` },
    spec: {
      capacity: { storage: '20Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'standard',
      local: { path: join(folder, String(index)) },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] }] },
      },
    },
  })),
];

let cluster: Cluster;
let folder: string;
let values: string;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'codebay-evaluation-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const images = await builtImages();
  cluster = stack.use(await startCluster());
  const standIn = join(folder, 'stand-in.tar');
  await mkdir(join(folder, 'root'));
  await writeStandIn(join(folder, 'root'), standIn);
  for (const tar of [standIn, images.codebay.tar, images.agent.tar]) await cluster.importImage(tar);
  const objects = volumes(join(folder, 'volumes'), cluster.nodeName, 3);
  for (const index of [0, 1, 2]) await mkdir(join(folder, 'volumes', String(index)), { recursive: true });
  await mustSay(kubectlWith(cluster.kubeconfig)(['apply', '-f', '-'], objects.map((object) => JSON.stringify(object)).join('\n---\n')));
  const model = await startScriptedModel(() => ({ text: SAYS }), undefined, cluster.hostAddress);
  stack.defer(() => model.close());
  values = join(folder, 'values.json');
  const own = {
    image: { ...imageValue(images.codebay), pullPolicy: 'Never' },
    agentImage: imageValue(images.agent),
    settings: {
      OPENAI_BASE_URL: model.url,
      CODEBAY_MODELS: ['scripted'],
      CODEBAY_RUN_CPU_REQUEST: 0.05,
      CODEBAY_RUN_MEMORY_REQUEST_MB: 128,
    },
    ...Object.fromEntries(['api', 'gateway', 'worker'].map((service) => [service, { resources }])),
    evaluation: Object.fromEntries(['mysql', 'redis', 'temporal'].map((server) => [server, { image: STAND_IN, resources }])),
  };
  await writeFile(values, JSON.stringify(own));
}, 30 * 60_000);
afterAll(() => stack.disposeAsync(), 60_000);

test(
  'one command installs everything on a cluster that has nothing but a default StorageClass, and the next one has a task worked on',
  async () => {
    const helm = async (...args: readonly string[]): Promise<string> => {
      const program = findGoTool(HELM) ?? 'helm';
      const { stdout } = await execa(program, args, { env: { KUBECONFIG: cluster.kubeconfig, HOME: folder } });
      return stdout;
    };
    const kubectl = kubectlWith(cluster.kubeconfig);
    try {
      const evaluation = ['-f', join(CHART, 'values-evaluation.yaml'), '--set', 'model.apiKey=sk-evaluation', '-f', values];
      const notes = await helm('install', 'codebay', CHART, '-n', 'codebay', '--create-namespace', ...evaluation, '--wait', '--timeout=6m');
      expect(notes).toContain('helm -n codebay test codebay --logs');
      const said = await helm('-n', 'codebay', 'test', 'codebay', '--logs', '--timeout=4m');
      expect(said).toMatch(/^Phase: +Succeeded$/m);
      expect(said).toContain(SAYS);
    } catch (error) {
      for (const args of [
        ['get', 'pods,events', '-A'],
        ['logs', '-n', 'codebay', '--all-containers', '--prefix', '--tail=30', '-l', 'app.kubernetes.io/instance=codebay'],
      ])
        process.stderr.write(`${(await kubectl(args)).stdout}\n`);
      throw error;
    }
  },
  12 * 60_000,
);

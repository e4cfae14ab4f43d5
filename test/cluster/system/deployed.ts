import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { type CodebayClient, createClient } from '../../../sdk/index.ts';
import { COS_TEST } from '../../servers/cos/cos-process.ts';
import { startNginx } from '../../servers/nginx.ts';
import { freePort } from '../../servers/server-process.ts';
import { builtImages } from '../../support/built-images.ts';
import { kubectlWith } from '../../support/kubectl.ts';
import { until } from '../../support/until.ts';
import { openTestCluster, type TestCluster } from '../test-cluster.ts';
import { type ServersBeside, startServersBeside } from './beside.ts';
import { type GitGate, startGitGate } from './git-gate.ts';
import { createHelm, type Helm } from './helm.ts';
import { inventoryOf } from './inventory.ts';
import { startMirror } from './mirror.ts';
import { createRuns, type Runs } from './runs.ts';
import { inTurns } from './tasks.ts';
import { startTestimony, type Testimony } from './testimony.ts';
import { SECRETS, type SystemValues, valuesOf } from './values.ts';

export const NAMESPACE = 'codebay';
export const RUNS_NAMESPACE = 'codebay-runs';
export const RELEASE = 'codebay';
/** Names of set-up secrets: of the first key's owner, and of somebody else. */
export const SETUP_SECRET = 'SETUP_TOKEN';
export const OTHERS_SECRET = 'OTHERS_TOKEN';

/** The whole system in a real cluster, as the chart installs it, with its servers beside. */
export interface Deployed extends AsyncDisposable {
  readonly cluster: TestCluster;
  readonly config: KubeConfig;
  readonly beside: ServersBeside;
  /** What pods are told to be the git server. */
  readonly gitGate: GitGate;
  readonly helm: Helm;
  readonly values: SystemValues;
  /** nginx, in front of the API's Service. */
  readonly url: string;
  readonly apiKey: string;
  /** Of the first key's owner, through nginx. */
  readonly client: CodebayClient;
  readonly runs: Runs;
  readonly testimony: Testimony;
  /** What only set-up scripts get. */
  readonly setupSecret: string;
  /** What the model says to the task of `helm test`. */
  readonly greeting: string;
  /** All that was in the cluster before the chart was installed. */
  readonly before: readonly string[];
  /** A private HTTP server that set-up may reach, and what it says. */
  readonly mirror: { readonly address: string; readonly says: string };
  /** For files of the tests; gone with the deployment. */
  readonly folder: string;
}

/** What an operator does before `helm install`: the namespace, under PodSecurity `restricted`, and the Secrets that the values name. */
const prepareNamespace = async (core: CoreV1Api, beside: ServersBeside, setupSecret: string): Promise<void> => {
  const setupSecrets = {
    [SETUP_SECRET]: { value: setupSecret, owners: ['default'] },
    [OTHERS_SECRET]: { value: 'of somebody else', owners: ['somebody-else'] },
  };
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await core.createNamespace({ body: { metadata: { name: NAMESPACE, labels } } });
  const secret = (name: string, stringData: Record<string, string>) =>
    core.createNamespacedSecret({ namespace: NAMESPACE, body: { metadata: { name }, stringData } });
  await Promise.all([
    secret(SECRETS.mysql, { url: beside.mysqlUrl }),
    secret(SECRETS.redis, { url: beside.redisUrl }),
    secret(SECRETS.cos, { CODEBAY_COS_SECRET_ID: COS_TEST.secretId, CODEBAY_COS_SECRET_KEY: COS_TEST.secretKey }),
    secret(SECRETS.model, { OPENAI_API_KEY: 'model-key' }),
    secret(SECRETS.setup, { 'secrets.json': JSON.stringify(setupSecrets) }),
  ]);
};

const secretValue = async (core: CoreV1Api, name: string, key: string): Promise<string> => {
  const { data } = await core.readNamespacedSecret({ namespace: NAMESPACE, name });
  return Buffer.from(data?.[key] ?? '', 'base64').toString();
};

/** From nothing to a system that takes tasks. `say` hears what has been done. */
export const deploySystem = async (say: (line: string) => void): Promise<Deployed> => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'codebay-system-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const images = await builtImages();
  say('images built');
  const cluster = stack.use(await openTestCluster());
  const { hostAddress, kubeconfig } = cluster;
  say('cluster up');
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const core = config.makeApiClient(CoreV1Api);
  const [beside, mirror] = await Promise.all([
    startServersBeside(hostAddress, folder, stack),
    startMirror(hostAddress, stack),
    cluster.importImage(images.codebay.tar).then(() => cluster.importImage(images.agent.tar)),
  ]);
  const gitGate = await startGitGate(hostAddress, beside.git.url, stack);
  say('servers beside it, images imported');

  const setupSecret = `canary-${crypto.randomUUID()}`;
  await prepareNamespace(core, beside, setupSecret);
  const before = await inventoryOf(kubectlWith(kubeconfig));
  const testimony = stack.use(startTestimony(config, [NAMESPACE, RUNS_NAMESPACE]));
  const port = await freePort();
  const greeting = `It greets, says ${crypto.randomUUID()}.`;
  const values = valuesOf({
    beside,
    images,
    gitUrl: gitGate.url,
    publicUrl: `http://127.0.0.1:${port}`,
    mirror: mirror.address,
    testPrompt: `Say what this project does (${beside.scripts.add(inTurns({ text: greeting }))})`,
  });
  const helm = createHelm({ kubeconfig, release: RELEASE, namespace: NAMESPACE, folder });
  // One of our own goes as a whole.
  if (cluster.own === null) stack.defer(() => helm.uninstall().finally(() => core.deleteNamespace({ name: NAMESPACE })));
  try {
    await helm.install(values);
  } catch (error) {
    console.error(await testimony.say());
    throw error;
  }
  say('chart installed');

  const { spec } = await core.readNamespacedService({ namespace: NAMESPACE, name: `${RELEASE}-api` });
  const nginx = await startNginx({ apiHost: spec?.clusterIP ?? '', apiPorts: [spec?.ports?.[0]?.port ?? 0], port });
  stack.defer(() => nginx.stop());
  testimony.hear('nginx, errors', nginx.errorLog);
  testimony.hear('nginx, requests', nginx.accessLog);
  const apiKey = await secretValue(core, `${RELEASE}-first-key`, 'key');
  await until('nginx reaches the API', async () => (await fetch(`${nginx.url}/readyz`)).ok);
  say('nginx in front');

  const owned = stack.move();
  return {
    cluster,
    config,
    beside,
    gitGate,
    helm,
    values,
    url: nginx.url,
    apiKey,
    client: createClient({ url: nginx.url, apiKey }),
    runs: createRuns(config, kubeconfig, RUNS_NAMESPACE),
    testimony,
    setupSecret,
    greeting,
    before,
    mirror,
    folder,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};

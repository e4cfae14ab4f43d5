import { mkdir, readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { renderTemplate } from '../servers/render-template.ts';
import { startServerProcess } from '../servers/server-process.ts';
import { until } from '../support/until.ts';
import { createCgroup } from './cgroup.ts';
import * as components from './components.ts';
import { containerdSocket, containerdState, importImage, POD_BRIDGE, startContainerd } from './containerd.ts';
import { startDns } from './dns.ts';
import { type Enforcer, startEnforcer } from './enforcer/enforcer.ts';
import { writeBaseImages } from './images.ts';
import { clusterFolder, removeCluster, sweepClusters } from './leftovers.ts';
import { clusterPrograms } from './missing.ts';
import { type ClusterNetwork, claimNetwork, createNetwork, inNamespace } from './network.ts';
import { createPki } from './pki.ts';

export interface Cluster extends AsyncDisposable {
  /** The file of its administrator. */
  readonly kubeconfig: string;
  readonly nodeName: string;
  readonly nodeAddress: string;
  /** This machine, as pods reach it: for servers that listen on every address, or on this one. */
  readonly hostAddress: string;
  readonly network: ClusterNetwork;
  /** Its files and logs; gone with it. */
  readonly folder: string;
  importImage(tarFile: string): Promise<void>;
  /**
   * `kill -9` of the API server and of the controllers, which give up their leadership without it, and a start on the same data so much
   * later; resolves when the API server is ready again.
   */
  restartApiServer(afterMs: number): Promise<void>;
  /** `kill -9` of the node's agent, for good: its pods go on, and nobody tells of them, as on a node that the network has lost. */
  killKubelet(): Promise<void>;
  /** Until it is started again, NetworkPolicies are accepted and do nothing, as on a cluster whose network has no policies. */
  stopEnforcer(): Promise<void>;
  startEnforcer(): Promise<void>;
  /** Resolves when every policy, pod and namespace that the API server has accepted by now is enforced. */
  policiesSettled(): Promise<void>;
}

export interface ClusterOptions {
  readonly say?: (line: string) => void;
}

const writeKubeletConfiguration = async (folder: string, network: ClusterNetwork, caFile: string): Promise<void> => {
  const resolvConf = join(folder, 'resolv.conf');
  await writeFile(resolvConf, '');
  const text = renderTemplate(join(import.meta.dirname, 'setup/kubelet.yaml.template'), {
    CA_FILE: caFile,
    CGROUP: network.name,
    CONTAINERD: containerdSocket(folder),
    POD_LOGS: join(folder, 'pod-logs'),
    RESOLV_CONF: resolvConf,
    DNS_ADDRESS: network.dnsAddress,
    VOLUME_PLUGINS: join(folder, 'volume-plugins'),
  });
  await writeFile(join(folder, 'kubelet.yaml'), text);
};

const answersOk = (url: string, ca?: Buffer): Promise<boolean> =>
  new Promise((resolve) => {
    const asked = ca === undefined ? http.get(url) : https.get(url, { ca, agent: false });
    asked.once('error', () => resolve(false));
    asked.once('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
  });

const coreApi = (kubeconfig: string): CoreV1Api => {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  return config.makeApiClient(CoreV1Api);
};

const isNodeReady = async (core: CoreV1Api): Promise<boolean> => {
  const { items } = await core.listNode();
  return items[0]?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
};

const hasDefaultServiceAccount = async (core: CoreV1Api): Promise<boolean> =>
  (await core.listNamespacedServiceAccount({ namespace: 'default' })).items.length > 0;

/**
 * A real single-node Kubernetes in a network namespace of its own: several stand side by side, nothing of them leaves the machine, and
 * disposing leaves nothing; what a killed process left is removed by the next start. Ready means that a pod could run. Throws
 * `ClusterMissingError` where none can be started.
 */
export const startCluster = async ({ say = () => undefined }: ClusterOptions = {}): Promise<Cluster> => {
  const programs = clusterPrograms();
  await using stack = new AsyncDisposableStack();
  for (const name of await sweepClusters()) say(`removed ${name}, whose holder had been killed`);
  const { network, claim } = await claimNetwork();
  stack.use(claim);
  stack.defer(() => removeCluster(network.name));
  const folder = clusterFolder(network.name);
  await createNetwork(network);
  await mkdir(folder, { mode: 0o700 });
  for (const name of ['log', 'etcd', 'kubelet', 'pod-logs', 'volume-plugins', 'images']) await mkdir(join(folder, name), { mode: 0o700 });
  const apiUrl = `https://${network.nodeAddress}:${components.API_PORT}`;
  const [pki] = await Promise.all([createPki(join(folder, 'pki'), network, apiUrl), createCgroup(network.name)]);
  await writeKubeletConfiguration(folder, network, pki.caFile);
  const kubeconfig = pki.kubeconfigFile('admin');
  const core = coreApi(kubeconfig);
  const layout = { folder, network, pki };
  say(`namespace ${network.name}, certificates`);

  const start = (component: readonly string[], isReady: () => Promise<boolean> = async () => true) =>
    startServerProcess({
      command: inNamespace(network.name, [programs.kube, ...component]),
      logFile: join(folder, 'log', `${component[0]}.log`),
      isReady,
    });
  const ca = await readFile(pki.caFile);
  // Not before the roles of the components are there: one that is refused ends.
  const isApiReady = () => answersOk(`${apiUrl}/readyz`, ca);
  const startApiServer = () => start(components.apiServer(layout), isApiReady);

  const containerd = (async () => {
    await startContainerd(folder, network);
    const images = await writeBaseImages(join(folder, 'images'), programs);
    await Promise.all(images.map((file) => importImage(containerdSocket(folder), file)));
    say('containerd, images');
  })();
  await start(components.etcd(layout), () => answersOk(`${components.etcdHealthUrl(network)}/health`));
  let apiServer = await startApiServer();
  say('etcd, API server');
  const startControllers = () => Promise.all([start(components.controllerManager(layout)), start(components.scheduler(layout))]);
  let [controllers] = await Promise.all([startControllers(), start(components.kubeProxy(layout)), containerd]);
  const kubelet = await start(components.kubelet(layout), () => isNodeReady(core));
  await until('the default service account is there', () => hasDefaultServiceAccount(core));

  say('node ready');
  await startDns(programs.kube, kubeconfig, network);
  say('names');

  let enforcer: Enforcer | null = null;
  const enforcing = {
    async startEnforcer() {
      enforcer ??= await startEnforcer({
        kubeconfig,
        namespace: network.name,
        podBridge: POD_BRIDGE,
        containerdState: containerdState(folder),
      });
    },
    async stopEnforcer() {
      await enforcer?.[Symbol.asyncDispose]();
      enforcer = null;
    },
    async policiesSettled() {
      await enforcer?.settled();
    },
  };
  stack.defer(enforcing.stopEnforcer);
  await enforcing.startEnforcer();
  say('policies enforced');

  const owned = stack.move();
  return {
    kubeconfig,
    nodeName: components.NODE_NAME,
    nodeAddress: network.nodeAddress,
    hostAddress: network.hostAddress,
    network,
    folder,
    importImage: (tarFile) => importImage(containerdSocket(folder), tarFile),
    async restartApiServer(afterMs) {
      await Promise.all([apiServer, ...controllers].map((one) => one.end('SIGKILL')));
      await pause(afterMs);
      apiServer = await startApiServer();
      controllers = await startControllers();
    },
    killKubelet: () => kubelet.end('SIGKILL'),
    ...enforcing,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};

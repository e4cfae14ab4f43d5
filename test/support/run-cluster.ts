import { randomUUID } from 'node:crypto';
import { KubeConfig } from '@kubernetes/client-node';
import { type ClusterConnection, ClusterRefusedError, connectCluster } from '../../platform/kubernetes/connection.ts';
import type { PodTemplate } from '../../platform/kubernetes/run-pod.ts';
import { createKubernetesRunner, type KubernetesRunner, type KubernetesRunnerOptions } from '../../platform/kubernetes.ts';
import type { RunExit, RunOrder } from '../../tasks/run.ts';
import { openTestCluster } from '../cluster/test-cluster.ts';
import { STAND_IN, untilExit, withStandInImages } from './stand-in-run.ts';
import { until } from './until.ts';

const MiB = 1024 * 1024;

export const STAND_IN_TEMPLATE: PodTemplate = {
  images: { sidecar: STAND_IN, agent: STAND_IN },
  shares: { cpuRequest: 0.05, cpuLimit: 1, memoryRequestBytes: 16 * MiB },
  pullSecrets: [],
  nodeSelector: {},
  tolerations: [],
  priorityClass: null,
  runtimeClass: null,
  codeStorageClass: null,
};

export const kubeConfigOf = (kubeconfig: string, server?: string): KubeConfig => {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const [first] = config.clusters;
  if (server !== undefined && first) config.clusters = [{ ...first, server, tlsServerName: 'kubernetes.default.svc' }];
  return config;
};

/** What `GET` answers; null for 404. */
export const read = async (cluster: ClusterConnection, path: string): Promise<Record<string, unknown> | null> => {
  try {
    return (await cluster.request('GET', path)) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof ClusterRefusedError && error.status === 404) return null;
    throw error;
  }
};

/** A real cluster whose runs' namespace enforces PodSecurity `restricted`, and runners on it. */
export const startRunCluster = async () => {
  const cluster = await openTestCluster();
  const admin = connectCluster(kubeConfigOf(cluster.kubeconfig));
  await withStandInImages((tar) => cluster.importImage(tar));
  const runners = new Set<KubernetesRunner>();
  const namespaces: string[] = [];

  const makeNamespace = async (): Promise<string> => {
    const name = `runs-${randomUUID().slice(0, 8)}`;
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await admin.request('POST', '/api/v1/namespaces', { body: { metadata: { name, labels } } });
    namespaces.push(name);
    return name;
  };

  return {
    cluster,
    admin,
    makeNamespace,
    runner(namespace: string, change: Partial<KubernetesRunnerOptions> = {}): KubernetesRunner {
      const runner = createKubernetesRunner({
        cluster: admin,
        namespace,
        installation: 'test',
        template: STAND_IN_TEMPLATE,
        labels: {},
        annotations: {},
        bounds: { pendingMs: 60_000, startMs: 60_000 },
        forbidden: [],
        resolve: async () => '192.0.2.1',
        log: { warn: () => undefined },
        ...change,
      });
      runners.add(runner);
      return runner;
    },
    async [Symbol.asyncDispose]() {
      for (const runner of runners) runner.close();
      // One of our own goes as a whole.
      if (cluster.own === null) for (const name of namespaces) await admin.request('DELETE', `/api/v1/namespaces/${name}`);
      await cluster[Symbol.asyncDispose]();
    },
  };
};
export type RunCluster = Awaited<ReturnType<typeof startRunCluster>>;

/** How a run of this order ends on a runner of its own, with what is done to it meanwhile; it is removed then. */
export const endOfRun = async (
  runs: RunCluster,
  namespace: string,
  order: RunOrder,
  change: Partial<KubernetesRunnerOptions> = {},
  during: () => Promise<unknown> = async () => undefined,
): Promise<RunExit> => {
  const runner = runs.runner(change.namespace ?? namespace, change);
  await runner.start(order);
  await during();
  const exit = await untilExit(runner, order.runId, 150_000);
  await runner.remove(order.runId);
  runner.close();
  return exit;
};

interface RunPod {
  readonly metadata: { readonly name: string };
  readonly status: { readonly phase: string };
}

/** The run's pod, once it runs. */
export const runningPod = (runs: RunCluster, namespace: string, runId: string): Promise<RunPod> =>
  until('the pod runs', async () => {
    const query = { labelSelector: `codebay.dev/run=${runId}` };
    const { items } = (await runs.admin.request('GET', `/api/v1/namespaces/${namespace}/pods`, { query })) as { items: RunPod[] };
    return items[0]?.status.phase === 'Running' ? items[0] : null;
  });

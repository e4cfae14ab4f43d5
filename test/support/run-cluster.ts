import { randomUUID } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { type ClusterConnection, ClusterRefusedError, connectCluster } from '../../platform/kubernetes/connection.ts';
import type { PodTemplate } from '../../platform/kubernetes/run-pod.ts';
import { createKubernetesRunner, type KubernetesRunner, type KubernetesRunnerOptions } from '../../platform/kubernetes.ts';
import type { RunExit, RunOrder } from '../../tasks/run.ts';
import { writeImage } from '../cluster/images.ts';
import { openTestCluster, type TestCluster } from '../cluster/test-cluster.ts';
import { findServer } from '../servers/server-process.ts';
import { until } from './until.ts';

const MiB = 1024 * 1024;

/** Stands in for both images of a run: the sidecar does what the order's identity says, in base64; the others wait for their end. */
export const STAND_IN = 'codebay.test/run:1';
/** The same, but that its agent's part uses memory without end. */
export const HUNGRY = 'codebay.test/hungry:1';

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

/** What a stand-in sidecar does. */
export const SCENARIOS = {
  live: "trap 'exit 143' TERM; while :; do sleep 1 & wait $!; done",
  finish: 'exit 0',
  crash: 'echo "no gateway" >&2; exit 3',
  sayIsolation: `printf '{"exitCode":1,"cause":"isolation","detail":"a door is open"}' > /dev/termination-log; exit 1`,
  hunger: 'tail /dev/zero',
  fillDisk: 'dd if=/dev/zero of=/app/scratch/much bs=1M count=64; sleep 600',
} as const;

const WAIT = "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done";
const sidecarProgram = `#!/bin/busybox sh
eval "$(sed -n 's/.*"identity":"\\([^"]*\\)".*/\\1/p' /app/order/order.json | base64 -d)"
`;
const shell = (agent: string): string => `#!/bin/busybox sh
case "$4" in */agent) ${agent};; esac
${WAIT}
`;

const buildImage = async (cluster: TestCluster, reference: string, agent: string): Promise<void> => {
  const draft = await mkdtemp(join(tmpdir(), 'codebay-stand-in-'));
  try {
    const root = join(draft, 'root');
    for (const name of ['bin', 'tmp', 'app', 'usr/local/bin']) await mkdir(join(root, name), { recursive: true });
    await writeFile(join(root, 'usr/local/bin/node'), sidecarProgram);
    await writeFile(join(root, 'bin/sh'), shell(agent));
    await copyFile(findServer('busybox'), join(root, 'bin/busybox'));
    for (const applet of ['grep', 'id', 'sed', 'base64', 'sleep', 'tail', 'dd', 'printf', 'cat', 'echo'])
      await symlink('busybox', join(root, 'bin', applet));
    for (const path of ['usr/local/bin/node', 'bin/sh', 'bin/busybox']) await chmod(join(root, path), 0o755);
    const tar = join(draft, 'image.tar');
    await writeImage(root, reference, { Env: ['PATH=/bin'] }, tar);
    await cluster.importImage(tar);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
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
  await buildImage(cluster, STAND_IN, ':');
  // The first process itself, since the kernel may kill a child alone.
  await buildImage(cluster, HUNGRY, 'exec tail /dev/zero');
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

export const orderOf = (script: string, change: Partial<RunOrder> = {}): RunOrder => ({
  runId: `t${randomUUID().slice(0, 8)}-a1`,
  gatewayUrl: 'http://gateway.test:8421',
  identity: Buffer.from(script).toString('base64'),
  limits: { timeMs: 600_000, setupTimeMs: 0, memoryBytes: 48 * MiB, processes: 64, diskBytes: 512 * MiB, logBytes: MiB },
  ...change,
});

/** How the run ended; throws where it goes on for longer. */
export const untilExit = async (runner: KubernetesRunner, runId: string, waitMs = 60_000): Promise<RunExit> => {
  const seen = await runner.observe(runId, { waitMs });
  if (seen.state !== 'exited') throw new Error(`the run ${runId} is ${seen.state}`);
  return seen.exit;
};

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

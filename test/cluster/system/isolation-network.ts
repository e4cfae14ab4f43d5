import { CoreV1Api } from '@kubernetes/client-node';
import { clusterPods } from '../../support/cluster-pods.ts';
import { openStandInsBelow, POD_PORT, standInsInside } from '../outside.ts';
import { type Deployed, NAMESPACE } from './deployed.ts';
import { inOwnCluster, inSystem } from './in-system.ts';
import { foundIn, look } from './look.ts';
import { startPuppet } from './puppet.ts';
import { runTask } from './tasks.ts';

const ALLOWED = 'the gateway';
const API_PORT = 8420;

/** What no run may reach, in the deployment: the parts of it that are there for others, the name service, and this machine's servers. */
const partsOf = async ({ config, beside }: Deployed) => {
  const core = config.makeApiClient(CoreV1Api);
  const { items } = await core.listNamespacedPod({ namespace: NAMESPACE, labelSelector: 'app.kubernetes.io/component=api' });
  const { spec } = await core.readNamespacedService({ namespace: 'kube-system', name: 'kube-dns' });
  const nameServer = spec?.clusterIP;
  const database = new URL(beside.mysqlUrl);
  const model = new URL(beside.model.url);
  return {
    'the port that users reach': { host: items[0]?.status?.podIP, port: API_PORT },
    'the name service by TCP': { host: nameServer, port: 53 },
    'a name': { nameServer, question: 'kubernetes.default.svc.cluster.local' },
    'the database': { host: database.hostname, port: Number(database.port) },
    'the model': { host: model.hostname, port: Number(model.port) },
  };
};

const gatewayOf = async ({ config }: Deployed) => {
  const { spec } = await config.makeApiClient(CoreV1Api).readNamespacedService({ namespace: NAMESPACE, name: 'codebay-gateway' });
  return { host: spec?.clusterIP, port: spec?.ports?.[0]?.port };
};

export const networkIsolation = (): void => {
  inSystem("a run's pod reaches the gateway's port and nothing else, whichever part of it tries", async (system) => {
    await using stack = new AsyncDisposableStack();
    const { own } = system.cluster;
    const pods = clusterPods(system.cluster.kubeconfig);
    stack.defer(() => pods.removeAll());
    const namespace = await pods.namespace('free');
    const { repository, tag } = system.values.agentImage;
    const [other, free] = await Promise.all([
      pods.pod(namespace, 'other', {}, ['httpd', '-f', '-p', String(POD_PORT)]),
      pods.pod(namespace, 'free', {}, ['sleep', '600'], `${repository}:${tag}`),
    ]);
    const forbidden = {
      ...(await standInsInside(pods, other)),
      ...(own !== null && (await openStandInsBelow(own, stack))),
      ...(await partsOf(system)),
    };
    const script = await look('network.mjs', 'connectTo', { ...forbidden, [ALLOWED]: await gatewayOf(system) });

    expect(foundIn((await pods.exec(free, ['sh', '-c', script])).output)).toEqual(Object.keys(forbidden));
    const puppet = await startPuppet(system);
    expect(foundIn(await puppet.run(script))).toEqual([ALLOWED]);
    for (const container of ['sidecar', 'tools']) expect(foundIn(await system.runs.exec(puppet.pod, container, script))).toEqual([ALLOWED]);
    expect(await puppet.end()).toMatchObject({ status: 'COMPLETED' });
  });

  inOwnCluster(
    'where nobody enforces the policies a run ends NETWORK_NOT_ISOLATED before its agent starts; the next one completes',
    async (system, cluster) => {
      let turns = 0;
      const run = () =>
        runTask(system, () => {
          turns += 1;
          return { text: 'Nothing to do.' };
        });
      await cluster.stopEnforcer();
      try {
        const task = await run();
        expect(task).toMatchObject({ status: 'FAILED', failure: { reason: 'NETWORK_NOT_ISOLATED' } });
        expect(task.failure?.detail).toContain(cluster.network.apiServiceAddress);
        expect(turns).toBe(0);
      } finally {
        await cluster.startEnforcer();
      }
      expect(await run()).toMatchObject({ status: 'COMPLETED' });
      expect(turns).toBe(1);
    },
  );
};

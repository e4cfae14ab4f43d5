import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { kubectlWith } from '../../support/kubectl.ts';
import { until } from '../../support/until.ts';
import { type Deployed, NAMESPACE } from './deployed.ts';
import { inOwnCluster, inSystem } from './in-system.ts';
import { inventoryOf } from './inventory.ts';
import { inTurns, shell, submit } from './tasks.ts';

const UNINSTALL_MS = 10 * 60_000;

/** Kubernetes makes them in every namespace. */
const OF_EVERY_NAMESPACE = [`ConfigMap ${NAMESPACE}/kube-root-ca.crt`, `ServiceAccount ${NAMESPACE}/default`];

/** The cluster holds what it held before the chart was installed, no more and no less. */
const untilAsBefore = async ({ cluster, before }: Deployed): Promise<void> => {
  let difference = {};
  const isAsBefore = async (): Promise<boolean> => {
    const now = await inventoryOf(kubectlWith(cluster.kubeconfig));
    const added = now.filter((one) => !before.includes(one) && !OF_EVERY_NAMESPACE.includes(one));
    const missing = before.filter((one) => !now.includes(one));
    difference = { added, missing };
    return added.length === 0 && missing.length === 0;
  };
  await until('the cluster is as before', isAsBefore, 60_000).catch((cause: unknown) => {
    throw new Error(JSON.stringify(difference), { cause });
  });
};

const resultOf = async ({ beside }: Deployed, taskId: string): Promise<unknown> => {
  const connection = await Connection.connect({ address: beside.temporal.address });
  try {
    return await new Client({ connection }).workflow.getHandle(taskId).result();
  } finally {
    await connection.close();
  }
};

/** Listens where no run may come, and counts who does. */
const startEar = async (address: string) => {
  let heard = 0;
  const server = createServer((socket) => {
    heard += 1;
    socket.destroy();
  }).listen(0, address);
  await once(server, 'listening');
  return {
    url: `http://${address}:${(server.address() as AddressInfo).port}`,
    heard: () => heard,
    [Symbol.dispose]: () => void server.close(),
  };
};

/** Longer than an uninstall takes; the run of the next installation is held up by it as well. */
const GETS_OUT_SECONDS = 90;
/** A run that always tries to get out, and doesn't end when it is told to. */
const getsOut = (url: string) =>
  shell(`trap '' TERM; touch "$HOME/waits"; while :; do curl -s -m 1 ${url}; sleep 0.1; done`, GETS_OUT_SECONDS);

/** The last of all: there is no deployment after it. */
export const uninstalled = (): void => {
  inOwnCluster(
    'uninstalling with a task in flight leaves nothing, its run reaches nobody while it goes, and the next installation goes on with it',
    async (system, own) => {
      const { runs, helm } = system;
      using ear = await startEar(own.hostAddress);
      const { id } = await submit(system, inTurns(getsOut(ear.url), { text: 'Done.' }));
      const pod = await runs.running(id);
      await until('the command runs', async () => (await runs.exec(pod, 'agent', 'ls /app/home')).includes('waits'));
      await own.stopEnforcer();
      await until('it would get out', () => ear.heard() > 0);
      await own.startEnforcer();
      await own.policiesSettled();

      const before = ear.heard();
      await helm.uninstall();
      await untilAsBefore(system);
      expect(ear.heard()).toBe(before);

      await helm.install(system.values);
      expect(await resultOf(system, id)).toMatchObject({ status: 'COMPLETED' });
    },
    UNINSTALL_MS,
  );

  inSystem(
    'uninstalling with nothing in flight leaves nothing',
    async (system) => {
      await system.helm.uninstall();
      await untilAsBefore(system);
    },
    UNINSTALL_MS,
  );
};

import { Client, Connection } from '@temporalio/client';
import { kubectlWith } from '../../support/kubectl.ts';
import { until } from '../../support/until.ts';
import { type Deployed, NAMESPACE } from './deployed.ts';
import { inSystem } from './in-system.ts';
import { inventoryOf } from './inventory.ts';
import { STOPS } from './stops.ts';

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

const workflowEnds = async ({ beside }: Deployed, taskId: string): Promise<void> => {
  const connection = await Connection.connect({ address: beside.temporal.address });
  try {
    await new Client({ connection }).workflow.getHandle(taskId).result();
  } finally {
    await connection.close();
  }
};

/** The last of all: there is no deployment after it. */
export const uninstalled = (): void => {
  inSystem(
    'uninstalling with a task in flight leaves nothing, and the task completes when the chart is installed again',
    async (system) => {
      const { taskId, go } = await STOPS['in a turn of the model'](system);
      await system.helm.uninstall();
      await untilAsBefore(system);
      await go();
      await system.helm.install(system.values);
      await workflowEnds(system, taskId);
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

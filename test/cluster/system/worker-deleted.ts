import { CoreV1Api } from '@kubernetes/client-node';
import { until } from '../../support/until.ts';
import { type Deployed, NAMESPACE } from './deployed.ts';
import { eachInSystem } from './in-system.ts';
import { nameOf, uidOf } from './runs.ts';
import { STOPS } from './stops.ts';
import { expectUndisturbed, jobsOf } from './undisturbed.ts';

export const WORKERS = { namespace: NAMESPACE, labelSelector: 'app.kubernetes.io/component=worker' };

/** Kills every worker without a word; resolves when others are ready. */
export const replaceWorkers = async ({ config }: Deployed): Promise<void> => {
  const core = config.makeApiClient(CoreV1Api);
  const before = (await core.listNamespacedPod(WORKERS)).items;
  for (const pod of before) await core.deleteNamespacedPod({ namespace: NAMESPACE, name: nameOf(pod), gracePeriodSeconds: 0 });
  const gone = new Set(before.map(uidOf));
  await until(
    'other workers are ready',
    async () => {
      const { items } = await core.listNamespacedPod(WORKERS);
      const isReady = items.map(
        ({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
      );
      return items.length > 0 && items.every((pod) => !gone.has(uidOf(pod))) && isReady.every(Boolean);
    },
    120_000,
  );
};

/** A worker's death never touches a Job. */
export const workerDeleted = (): void =>
  eachInSystem(
    STOPS,
    (phase) => `a task whose worker is killed ${phase} completes in the same Job`,
    async (system, stop) => {
      const stopped = await stop(system);
      const before = await jobsOf(system, [stopped]);
      expect(Object.keys(before).length > 0).toBe(stopped.hasRun);
      await replaceWorkers(system);
      expect(await jobsOf(system, [stopped])).toEqual(before);
      await stopped.go();
      await expectUndisturbed(system, stopped.taskId);
    },
  );

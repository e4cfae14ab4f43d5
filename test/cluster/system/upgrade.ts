import { setTimeout as pause } from 'node:timers/promises';
import { CoreV1Api } from '@kubernetes/client-node';
import { until } from '../../support/until.ts';
import { type Deployed, NAMESPACE } from './deployed.ts';
import { inSystem } from './in-system.ts';
import { uidOf } from './runs.ts';
import { stopInEveryPhase } from './stops.ts';
import { expectUndisturbed, jobsOf } from './undisturbed.ts';
import type { SystemValues } from './values.ts';

const SERVICES = 'app.kubernetes.io/component in (api,gateway,worker,ingest)';

/** What rolls every Deployment. */
const withAnnotation = (values: SystemValues) => {
  const podAnnotations = { 'codebay.dev/upgraded': 'yes' };
  const { api, gateway, worker, ingest } = values;
  return {
    ...values,
    api: { ...api, podAnnotations },
    gateway: { ...gateway, podAnnotations },
    worker: { ...worker, podAnnotations },
    ingest: { ...ingest, podAnnotations },
  };
};

const secretsOf = async (core: CoreV1Api) => {
  const { items } = await core.listNamespacedSecret({ namespace: NAMESPACE, fieldSelector: 'type=Opaque' });
  return Object.fromEntries(items.map(({ metadata, data }) => [metadata?.name, { uid: metadata?.uid, data }]));
};

/** Asks the API without a break; resolves, with how often it answered, when the action has. Throws what the API answers with instead. */
const askingMeanwhile = async (system: Deployed, taskId: string, action: Promise<void>): Promise<number> => {
  let isOver = false;
  const ended = action.finally(() => {
    isOver = true;
  });
  const ask = async (): Promise<number> => {
    let answers = 0;
    for (; !isOver; await pause(50)) {
      expect((await system.client.get(taskId)).id).toBe(taskId);
      answers += 1;
    }
    return answers;
  };
  const [answers] = await Promise.all([ask(), ended]);
  return answers;
};

export const upgraded = (): void =>
  inSystem(
    'an upgrade that replaces every service lets all tasks in flight complete in their Jobs, and keeps the secrets that hooks made',
    async (system) => {
      const core = system.config.makeApiClient(CoreV1Api);
      const services = async () => (await core.listNamespacedPod({ namespace: NAMESPACE, labelSelector: SERVICES })).items.map(uidOf);
      const stopped = await stopInEveryPhase(system);
      const [jobs, secrets, pods] = await Promise.all([jobsOf(system, stopped), secretsOf(core), services()]);
      expect(Object.keys(secrets)).toEqual(expect.arrayContaining(['codebay-station', 'codebay-first-key']));

      const upgrading = system.helm.upgrade(withAnnotation(system.values));
      expect(await askingMeanwhile(system, stopped[0]?.taskId ?? '', upgrading)).toBeGreaterThan(0);
      await until('every pod of before is gone', async () => !(await services()).some((uid) => pods.includes(uid)), 120_000);

      expect(await secretsOf(core)).toEqual(secrets);
      expect(await jobsOf(system, stopped)).toEqual(jobs);
      for (const { go } of stopped) await go();
      for (const { taskId } of stopped) await expectUndisturbed(system, taskId);
    },
    10 * 60_000,
  );

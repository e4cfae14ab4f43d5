import { BatchV1Api, CoreV1Api, type V1Job } from '@kubernetes/client-node';
import { Client, Connection } from '@temporalio/client';
import { LABELS } from '../../../platform/kubernetes/labels.ts';
import { secretNameOf } from '../../../platform/kubernetes/run-job.ts';
import { orphanScheduleId } from '../../../temporal/orphan-schedule.ts';
import { until } from '../../support/until.ts';
import type { Deployed } from './deployed.ts';
import { inSystem } from './in-system.ts';
import { nameOf, uidOf } from './runs.ts';
import { STOPS } from './stops.ts';
import { finished } from './tasks.ts';

const ELSEWHERE = 'elsewhere';

/** The same run, asleep, as another installation of the namespace would have it under another name. */
const copyForAnother = async ({ config, runs: { namespace } }: Deployed, { metadata, spec }: V1Job): Promise<V1Job> => {
  const [batch, core] = [config.makeApiClient(BatchV1Api), config.makeApiClient(CoreV1Api)];
  const name = `${metadata?.labels?.[LABELS.task]}-a9`;
  const labels = { ...metadata?.labels, [LABELS.installation]: ELSEWHERE, [LABELS.run]: name };
  if (spec === undefined) throw new Error('a Job without a spec');
  const { selector: _, template, ...rest } = spec;
  const job = await batch.createNamespacedJob({
    namespace,
    body: { metadata: { name, labels }, spec: { ...rest, suspend: true, template: { ...template, metadata: { labels } } } },
  });
  const owner = { apiVersion: 'batch/v1', kind: 'Job', name, uid: uidOf(job) };
  const secret = { metadata: { name: secretNameOf(name), labels, ownerReferences: [owner] } };
  await core.createNamespacedSecret({ namespace, body: secret });
  return job;
};

export const orphanReaped = (): void =>
  inSystem("a run whose workflow was terminated is removed by the schedule, and another installation's stays", async (system) => {
    const { runs, config, beside } = system;
    const batch = config.makeApiClient(BatchV1Api);
    const connection = await Connection.connect({ address: beside.temporal.address });
    try {
      const temporal = new Client({ connection });
      const { taskId } = await STOPS['in a command of the agent'](system);
      const [own] = await runs.jobs(taskId);
      if (own === undefined) throw new Error('the task has no Job');
      const other = await copyForAnother(system, own);

      await temporal.workflow.getHandle(taskId).terminate('by an operator');
      const schedule = temporal.schedule.getHandle(orphanScheduleId('codebay'));
      await schedule.trigger();
      const left = [`Job ${nameOf(other)}`, `Secret ${secretNameOf(nameOf(other))}`];
      await until(`only the other installation has something of ${taskId}`, async () => {
        const all = await runs.leftovers(taskId);
        return all.length === left.length && all.every((one) => left.includes(one));
      });
      const rounds = (await schedule.describe()).info.recentActions.map(({ action }) => action.workflow.workflowId);
      const results = await Promise.all(rounds.map((id) => temporal.workflow.getHandle(id).result()));
      expect(results.at(-1)).toEqual({ removed: 1, kept: 0 });
      expect(await finished(system, taskId)).toMatchObject({ status: 'FAILED', failure: { reason: 'TERMINATED' } });

      expect((await runs.jobs(taskId)).map(uidOf)).toEqual([uidOf(other)]);
      await batch.deleteNamespacedJob({
        namespace: runs.namespace,
        name: nameOf(other),
        body: { propagationPolicy: 'Background' },
      });
    } finally {
      await connection.close();
    }
  });

import { CoreV1Api, type V1Pod } from '@kubernetes/client-node';
import { createHeldTurns } from '../../support/held-turns.ts';
import { until } from '../../support/until.ts';
import type { Deployed } from './deployed.ts';
import { eachInSystem } from './in-system.ts';
import { nameOf, uidOf } from './runs.ts';
import { diffOf, finished, shell, submit, untilNothingLeft } from './tasks.ts';

type End = (core: CoreV1Api, pod: { readonly namespace: string; readonly name: string }) => Promise<unknown>;

const WAYS: Readonly<Record<string, End>> = {
  'is deleted': (core, pod) => core.deleteNamespacedPod(pod),
  'is deleted at once': (core, pod) => core.deleteNamespacedPod({ ...pod, gracePeriodSeconds: 0 }),
  'is evicted': (core, pod) => core.createNamespacedPodEviction({ ...pod, body: { metadata: pod } }),
};

const successor = ({ runs }: Deployed, taskId: string, first: V1Pod): Promise<V1Pod> =>
  until(
    'another pod goes on',
    async () => (await runs.pods(taskId)).find((pod) => uidOf(pod) !== uidOf(first) && pod.status?.phase === 'Running'),
    90_000,
  );

/** The pod of a run is taken away in the middle of a model turn. */
export const resume = (): void =>
  eachInSystem(
    WAYS,
    (way) => `a task whose pod ${way} goes on from its checkpoint and asks no finished turn again`,
    async (system, end) => {
      const turns = createHeldTurns([shell('echo first >> ran.txt'), shell('echo second >> ran.txt'), { text: 'Done.' }]);
      turns.hold(1);
      const { id } = await submit(system, turns.script);
      await turns.untilAsked(1);
      const first = await system.runs.running(id);
      await end(system.config.makeApiClient(CoreV1Api), { namespace: system.runs.namespace, name: nameOf(first) });
      await successor(system, id, first);
      turns.release(1);

      const task = await finished(system, id);
      expect(task).toMatchObject({ status: 'COMPLETED', runs: [{ epoch: 1 }, { epoch: 2, outcome: 'succeeded' }] });
      expect(task.runs[0]?.outcome).not.toBe('succeeded');
      expect(turns.violations).toEqual([]);
      expect(turns.asked.filter((turn) => turn === 0)).toHaveLength(1);
      expect(turns.asked.filter((turn) => turn === 2)).toHaveLength(1);
      expect(await diffOf(system, id)).toContain('\n@@ -0,0 +1,2 @@\n+first\n+second\n');
      await untilNothingLeft(system, id);
    },
  );

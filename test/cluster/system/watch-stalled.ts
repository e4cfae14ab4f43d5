import { CoreV1Api } from '@kubernetes/client-node';
import { silenceConnections } from '../silence.ts';
import { NAMESPACE } from './deployed.ts';
import { inOwnCluster } from './in-system.ts';
import { nameOf } from './runs.ts';
import { STOPS } from './stops.ts';
import { expectUndisturbed } from './undisturbed.ts';
import { WORKERS } from './worker-deleted.ts';

const BROKE_OFF = 'a watch broke off; the list is asked for again';

export const watchStalled = (): void =>
  inOwnCluster('the end of a run is noticed although the watch of its worker has fallen silent', async (system, own) => {
    const core = system.config.makeApiClient(CoreV1Api);
    const [worker] = (await core.listNamespacedPod(WORKERS)).items;
    if (worker === undefined) throw new Error('there is no worker');
    const complaints = async (): Promise<number> =>
      (await core.readNamespacedPodLog({ name: nameOf(worker), namespace: NAMESPACE })).split(BROKE_OFF).length - 1;

    const { taskId, go } = await STOPS['in a turn of the model'](system);
    const before = await complaints();
    await using silence = await silenceConnections(own.network, worker.status?.podIP ?? '');
    await go();
    await expectUndisturbed(system, taskId);
    expect(await silence.swallowed()).toBeGreaterThan(0);
    expect(await complaints()).toBeGreaterThan(before);
  });

import type { V1Job, V1Secret } from '@kubernetes/client-node';
import { z } from 'zod';
import { type ClusterConnection, ClusterRefusedError } from './connection.ts';
import { LABELS, MANAGED_BY, runSelector } from './labels.ts';
import { eventSchema, jobSchema, listSchema, podSchema, type SeenJob } from './objects.ts';
import type { SeenRun } from './run-watch.ts';

/** The name of a run's Job is taken by a Job that this station has not made. */
export class ForeignJobError extends Error {
  override readonly name = 'ForeignJobError';
}

const isReason = (error: unknown, reason: string): boolean => error instanceof ClusterRefusedError && error.reason === reason;

/** Reads and writes of the objects of single runs. */
export const createRunObjects = (
  cluster: ClusterConnection,
  { namespace, installation }: { readonly namespace: string; readonly installation: string },
) => {
  const jobs = `/apis/batch/v1/namespaces/${namespace}/jobs`;
  const core = `/api/v1/namespaces/${namespace}`;

  const readJob = async (runId: string): Promise<SeenJob | null> => {
    try {
      return jobSchema.parse(await cluster.request('GET', `${jobs}/${runId}`));
    } catch (error) {
      if (isReason(error, 'NotFound')) return null;
      throw error;
    }
  };

  const isOurs = ({ metadata: { labels } }: SeenJob): boolean =>
    labels[LABELS.managedBy] === MANAGED_BY && labels[LABELS.installation] === installation;

  return {
    /** The Job, made now or before; null where it was there and has gone meanwhile. Throws `ForeignJobError` where the name is taken. */
    makeJob: async (job: V1Job, runId: string): Promise<SeenJob | null> => {
      try {
        return jobSchema.parse(await cluster.request('POST', jobs, { body: job }));
      } catch (error) {
        if (!isReason(error, 'AlreadyExists')) throw error;
        const found = await readJob(runId);
        if (found !== null && !isOurs(found)) throw new ForeignJobError(`A Job of another installation is called ${runId}.`);
        return found;
      }
    },
    makeSecret: async (secret: V1Secret): Promise<void> => {
      try {
        await cluster.request('POST', `${core}/secrets`, { body: secret });
      } catch (error) {
        if (!isReason(error, 'AlreadyExists')) throw error;
      }
    },
    /** Its pod ends with its grace period, in the background. A Job that is gone, or that isn't ours: fine. */
    removeJob: async (runId: string, known: SeenJob | null): Promise<void> => {
      const job = known ?? (await readJob(runId));
      if (job === null || !isOurs(job)) return;
      try {
        // In the body: a query parameter beside an empty body leaves the pods behind.
        const body = { propagationPolicy: 'Background', preconditions: { uid: job.metadata.uid } };
        await cluster.request('DELETE', `${jobs}/${runId}`, { body });
      } catch (error) {
        if (!isReason(error, 'NotFound')) throw error;
      }
    },
    removeSecret: async (name: string): Promise<void> => {
      try {
        await cluster.request('DELETE', `${core}/secrets/${name}`);
      } catch (error) {
        if (!isReason(error, 'NotFound')) throw error;
      }
    },
    /** What exists of a run now, past any cache. */
    read: async (runId: string): Promise<SeenRun> => {
      const found = await readJob(runId);
      const job = found !== null && isOurs(found) ? found : null;
      const query = { labelSelector: runSelector(installation, runId), limit: '1' };
      const { items } = listSchema.parse(await cluster.request('GET', `${core}/pods`, { query }));
      const [pod] = items ?? [];
      return { job, pod: pod === undefined ? null : podSchema.parse(pod) };
    },
    /** The cluster's newest word on why it makes no pod for this Job; null where it has said nothing. */
    refusalOf: async ({ metadata: { name, uid } }: SeenJob): Promise<string | null> => {
      const fieldSelector = `involvedObject.kind=Job,involvedObject.name=${name},involvedObject.uid=${uid},reason=FailedCreate`;
      const { items } = listSchema.parse(await cluster.request('GET', `${core}/events`, { query: { fieldSelector } }));
      const events = z.array(eventSchema).parse(items ?? []);
      const at = ({ lastTimestamp, eventTime }: (typeof events)[number]): string => lastTimestamp ?? eventTime ?? '';
      return (
        events.reduce<(typeof events)[number] | null>((newest, event) => (newest && at(newest) >= at(event) ? newest : event), null)
          ?.message ?? null
      );
    },
  };
};

export type RunObjects = ReturnType<typeof createRunObjects>;

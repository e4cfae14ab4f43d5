import { once, setMaxListeners } from 'node:events';
import type { ClusterConnection } from './connection.ts';
import { installationSelector, LABELS } from './labels.ts';
import { listWatch, type WatchLog } from './list-watch.ts';
import { jobSchema, podSchema, type SeenJob, type SeenPod } from './objects.ts';

/** What the cluster holds of one run. */
export interface SeenRun {
  readonly job: SeenJob | null;
  /** The newest one; a run has one pod. */
  readonly pod: SeenPod | null;
}

export interface RunWatch {
  /** False where the cluster has not been read yet: then what is not known may well exist. */
  readonly synced: () => boolean;
  /** Null where neither Job nor pod is known. */
  get(runId: string): SeenRun | null;
  /** Resolves when something of this run changes, when the signal aborts, or after `waitMs`. */
  changed(runId: string, waitMs: number, signal?: AbortSignal): Promise<void>;
  /** Resolves when the cluster has been read for the first time, or after `waitMs`. */
  ready(waitMs: number): Promise<void>;
  runIds(): readonly string[];
  close(): void;
}

export interface RunWatchOptions {
  readonly cluster: ClusterConnection;
  readonly namespace: string;
  readonly installation: string;
  readonly log: WatchLog;
  /** See `ListWatchOptions`. */
  readonly watchSeconds?: number;
}

interface Entry {
  job: SeenJob | null;
  readonly pods: Map<string, SeenPod>;
}

const newestOf = (pods: Iterable<SeenPod>): SeenPod | null =>
  [...pods].reduce<SeenPod | null>(
    (newest, pod) => (newest && newest.metadata.creationTimestamp >= pod.metadata.creationTimestamp ? newest : pod),
    null,
  );

/** Follows the Jobs and pods of all runs of an installation by two watches, however many runs there are and however many wait for them. */
export const createRunWatch = ({ cluster, namespace, installation, log, watchSeconds }: RunWatchOptions): RunWatch => {
  const closing = new AbortController();
  const changes = new EventTarget();
  // As many as there are runs that wait: one worker watches a thousand.
  setMaxListeners(0, changes, closing.signal);
  const runs = new Map<string, Entry>();
  const listed = { jobs: false, pods: false };

  const tell = (runId: string): void => void changes.dispatchEvent(new Event(`run ${runId}`));

  const entryOf = (runId: string): Entry => {
    const entry = runs.get(runId) ?? { job: null, pods: new Map() };
    runs.set(runId, entry);
    return entry;
  };

  const change = (object: SeenJob | SeenPod, apply: (entry: Entry) => void): void => {
    const runId = object.metadata.labels[LABELS.run];
    if (runId === undefined) return;
    const entry = entryOf(runId);
    apply(entry);
    if (entry.job === null && entry.pods.size === 0) runs.delete(runId);
    tell(runId);
  };

  const becomeListed = (which: keyof typeof listed): void => {
    listed[which] = true;
    if (listed.jobs && listed.pods) changes.dispatchEvent(new Event('listed'));
  };

  const shared = { cluster, labelSelector: installationSelector(installation), log, ...(watchSeconds !== undefined && { watchSeconds }) };
  void listWatch(
    {
      ...shared,
      path: `/apis/batch/v1/namespaces/${namespace}/jobs`,
      schema: jobSchema,
      onObject: (job, gone) =>
        change(job, (entry) => {
          if (!gone) entry.job = job;
          else if (entry.job?.metadata.uid === job.metadata.uid) entry.job = null;
        }),
      onListed: () => becomeListed('jobs'),
    },
    closing.signal,
  );
  void listWatch(
    {
      ...shared,
      path: `/api/v1/namespaces/${namespace}/pods`,
      schema: podSchema,
      onObject: (pod, gone) =>
        change(pod, (entry) => {
          if (gone) entry.pods.delete(pod.metadata.uid);
          else entry.pods.set(pod.metadata.uid, pod);
        }),
      onListed: () => becomeListed('pods'),
    },
    closing.signal,
  );

  const event = async (name: string, waitMs: number, signal?: AbortSignal): Promise<void> => {
    const over = [closing.signal, AbortSignal.timeout(Math.ceil(waitMs)), ...(signal ? [signal] : [])];
    // Only the signals end it early, and that is no error here.
    await once(changes, name, { signal: AbortSignal.any(over) }).catch(() => undefined);
  };

  const synced = (): boolean => listed.jobs && listed.pods;
  return {
    synced,
    get: (runId) => {
      const entry = runs.get(runId);
      return entry ? { job: entry.job, pod: newestOf(entry.pods.values()) } : null;
    },
    changed: (runId, waitMs, signal) => event(`run ${runId}`, waitMs, signal),
    ready: async (waitMs) => {
      if (!synced()) await event('listed', waitMs);
    },
    runIds: () => [...runs.keys()],
    close: () => closing.abort(),
  };
};

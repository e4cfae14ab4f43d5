import { FailureError } from '../tasks/failure.ts';
import { isRunId } from '../tasks/ids.ts';
import type { Runner } from '../tasks/ports/runner.ts';
import type { RunObservation } from '../tasks/run.ts';
import { type ClusterConnection, ClusterRefusedError, ClusterUnavailableError } from './kubernetes/connection.ts';
import { gatewayAliasOf } from './kubernetes/gateway-alias.ts';
import type { WatchLog } from './kubernetes/list-watch.ts';
import type { StartBounds } from './kubernetes/not-started.ts';
import { isWithoutPod, observationOf } from './kubernetes/run-end.ts';
import { type JobOptions, jobOf, secretNameOf, secretOf } from './kubernetes/run-job.ts';
import { createRunObjects, ForeignJobError } from './kubernetes/run-objects.ts';
import { createRunWatch, type SeenRun } from './kubernetes/run-watch.ts';

export interface KubernetesRunnerOptions extends Omit<JobOptions, 'pendingMs'> {
  readonly cluster: ClusterConnection;
  readonly bounds: StartBounds;
  /** `host:port` that no run may reach, beside what its order names. */
  readonly forbidden: readonly string[];
  /** The IPv4 address of the gateway's host, asked for at each start. */
  readonly resolve: (hostname: string) => Promise<string>;
  readonly log: WatchLog;
  /** See `ListWatchOptions`. */
  readonly watchSeconds?: number;
}

export interface KubernetesRunner extends Runner {
  /** Ends the watches; runs go on. */
  close(): void;
}

/** How long a fact that comes by time alone (a node that stays silent, an image that isn't pulled) may go unnoticed. */
const LOOK_AGAIN_MS = 1_000;
const FIRST_LIST_MS = 5_000;
const ASK_EVENTS_EVERY_MS = 5_000;

/** The cluster's no to a Job itself: a quota on Jobs, an admission policy, missing permissions, a name that is taken. */
const asFailure = (error: unknown): unknown => {
  const refused =
    error instanceof ForeignJobError || (error instanceof ClusterRefusedError && (error.status === 403 || error.status === 422));
  return refused ? new FailureError('RUN_REFUSED', error.message, { cause: error }) : error;
};

/**
 * Runs as Jobs of a cluster, one pod each. All runs of the installation are followed by two watches, begun at once; `observe` answers
 * from them and asks the API server only for what they don't know yet. A run is over when its sidecar is: nothing is taken from it after.
 */
export const createKubernetesRunner = (options: KubernetesRunnerOptions): KubernetesRunner => {
  const { cluster, namespace, installation, bounds, log, watchSeconds } = options;
  const jobOptions: JobOptions = { ...options, pendingMs: bounds.pendingMs + bounds.startMs };
  const objects = createRunObjects(cluster, { namespace, installation });
  const watch = createRunWatch({ cluster, namespace, installation, log, ...(watchSeconds !== undefined && { watchSeconds }) });
  const askedEventsAt = new Map<string, number>();

  const checked = (runId: string): string => {
    if (!isRunId(runId)) throw new Error(`Not a run id: ${runId}`);
    return runId;
  };

  /** Neither watched nor there: only the API server's own word makes a run absent. */
  const see = async (runId: string): Promise<SeenRun> => {
    await watch.ready(FIRST_LIST_MS);
    return watch.get(runId) ?? (await objects.read(runId));
  };

  const refusal = async ({ job }: SeenRun, runId: string): Promise<RunObservation | null> => {
    const asked = askedEventsAt.get(runId) ?? 0;
    if (job === null || Date.now() - asked < ASK_EVENTS_EVERY_MS) return null;
    askedEventsAt.set(runId, Date.now());
    const detail = await objects.refusalOf(job);
    return detail === null ? null : { state: 'exited', exit: { exitCode: null, cause: 'refused', detail } };
  };

  const look = async (runId: string): Promise<RunObservation> => {
    const seen = await see(runId);
    const withoutPod = isWithoutPod(seen, bounds, Date.now());
    if (!withoutPod) askedEventsAt.delete(runId);
    return (withoutPod ? await refusal(seen, runId) : null) ?? observationOf(seen, bounds, Date.now());
  };

  const untilGone = async (runId: string): Promise<void> => {
    for (;;) {
      // Events may still be on their way to the watch, so that it is no proof.
      const { job, pod } = watch.get(runId) ?? (await objects.read(runId));
      if (job === null && pod === null) return;
      await watch.changed(runId, LOOK_AGAIN_MS);
    }
  };

  return {
    start: async (given) => {
      const runId = checked(given.runId);
      const order = { ...given, forbidden: [...(given.forbidden ?? []), ...options.forbidden] };
      const alias = await gatewayAliasOf(order.gatewayUrl, options.resolve);
      try {
        const job = await objects.makeJob(jobOf(order, jobOptions, alias), runId);
        if (job !== null) await objects.makeSecret(secretOf(order, job, jobOptions));
      } catch (error) {
        throw asFailure(error);
      }
    },

    observe: async (runId, { waitMs = 0, signal } = {}) => {
      const until = Date.now() + waitMs;
      for (;;) {
        const observation = await look(checked(runId));
        const leftMs = until - Date.now();
        if (observation.state !== 'running' || leftMs <= 0 || signal?.aborted) return observation;
        await watch.changed(runId, Math.min(leftMs, LOOK_AGAIN_MS), signal);
      }
    },

    stop: async (runId) => {
      await objects.removeJob(checked(runId), watch.get(runId)?.job ?? null);
      await untilGone(runId);
    },

    remove: async (runId) => {
      await objects.removeJob(checked(runId), watch.get(runId)?.job ?? null);
      await objects.removeSecret(secretNameOf(runId));
      askedEventsAt.delete(runId);
    },

    list: async () => {
      await watch.ready(FIRST_LIST_MS);
      if (!watch.synced()) throw new ClusterUnavailableError('the cluster has not been listed yet');
      return watch.runIds().filter(isRunId);
    },

    close: () => watch.close(),
  };
};

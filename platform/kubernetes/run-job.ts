import type { V1Job, V1ObjectMeta, V1Secret } from '@kubernetes/client-node';
import { taskIdOfRun } from '../../tasks/ids.ts';
import type { RunOrder } from '../../tasks/run.ts';
import { LABELS, MANAGED_BY } from './labels.ts';
import { type GatewayAlias, type PodTemplate, podOf } from './run-pod.ts';

export interface JobOptions {
  readonly namespace: string;
  /** Tells the runs of one station from those of others in the namespace; a label's value. */
  readonly installation: string;
  readonly template: PodTemplate;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** How long a run may wait until it begins; its Job's clock counts that time. */
  readonly pendingMs: number;
}

/** The sidecar's clock ends a run; this much later the cluster does. */
const DEADLINE_SLACK_MS = 10 * 60_000;
/** Longer than a task's collection takes: until then its end can be looked at. */
const TTL_SECONDS = 3600;

/** Whoever moves pods to save machines must leave these alone, and a mesh's proxy would never let the pod end. */
const UNDISTURBED = {
  'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
  'karpenter.sh/do-not-disrupt': 'true',
  'sidecar.istio.io/inject': 'false',
  'linkerd.io/inject': 'disabled',
  'kuma.io/sidecar-injection': 'disabled',
} as const;

/** A label's value ends in a letter or digit; a task's id need not. The run's label, which names the task as well, is exact. */
const labelValue = (taskId: string): string => taskId.replace(/-+$/, '');

const labelsOf = (runId: string, options: JobOptions): Record<string, string> => ({
  ...options.labels,
  'sidecar.istio.io/inject': 'false',
  [LABELS.managedBy]: MANAGED_BY,
  [LABELS.installation]: options.installation,
  [LABELS.task]: labelValue(taskIdOfRun(runId)),
  [LABELS.run]: runId,
});

/** The Secret that only the run's sidecar mounts. */
export const secretNameOf = (runId: string): string => `${runId}-order`;

/**
 * The Job of a run, which makes one pod, once: whatever ends that pod ends the Job, and the workflow decides what follows, under a new
 * epoch. Holds nothing secret.
 */
export const jobOf = (order: RunOrder, options: JobOptions, alias: GatewayAlias | null): V1Job => {
  const labels = labelsOf(order.runId, options);
  const annotations = { ...options.annotations, ...UNDISTURBED };
  const { timeMs, setupTimeMs } = order.limits;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: order.runId, namespace: options.namespace, labels, annotations },
    spec: {
      completions: 1,
      parallelism: 1,
      backoffLimit: 0,
      podReplacementPolicy: 'Failed',
      podFailurePolicy: {
        rules: [
          { action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          { action: 'FailJob', onExitCodes: { operator: 'NotIn', values: [0] } },
        ],
      },
      activeDeadlineSeconds: Math.ceil((timeMs + setupTimeMs + options.pendingMs + DEADLINE_SLACK_MS) / 1000),
      ttlSecondsAfterFinished: TTL_SECONDS,
      template: { metadata: { labels, annotations }, spec: podOf(order, options.template, secretNameOf(order.runId), alias) },
    },
  };
};

/** The run's identity, for its sidecar alone. It goes with the Job, whose removal it doesn't hold up. */
export const secretOf = (
  order: RunOrder,
  job: { readonly metadata: { readonly name: string; readonly uid: string } },
  options: JobOptions,
): V1Secret => {
  const { name, uid } = job.metadata;
  const metadata: V1ObjectMeta = {
    name: secretNameOf(order.runId),
    namespace: options.namespace,
    labels: labelsOf(order.runId, options),
    ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: false, blockOwnerDeletion: false }],
  };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata,
    type: 'Opaque',
    immutable: true,
    stringData: { 'order.json': JSON.stringify(order) },
  };
};

import { BatchV1Api, CoreV1Api, type KubeConfig, type V1Job, type V1Pod } from '@kubernetes/client-node';
import { execa } from 'execa';
import { LABELS } from '../../../platform/kubernetes/labels.ts';
import { until } from '../../support/until.ts';
import { clusterPrograms } from '../missing.ts';

/** Looks at the runs of a deployment as the cluster's administrator, and does to them what happens to pods. */
export interface Runs {
  readonly namespace: string;
  pods(taskId: string): Promise<readonly V1Pod[]>;
  jobs(taskId: string): Promise<readonly V1Job[]>;
  /** The one pod of the task's current run, once all its containers run. */
  running(taskId: string): Promise<V1Pod>;
  /** Kinds and names of everything that the cluster still has of the task. */
  leftovers(taskId: string): Promise<readonly string[]>;
  /** Runs a shell script in a container of the pod, of whichever namespace. */
  exec(pod: V1Pod, container: string, script: string): Promise<string>;
}

export const nameOf = ({ metadata }: V1Pod | V1Job): string => metadata?.name ?? '';
export const uidOf = ({ metadata }: V1Pod | V1Job): string => metadata?.uid ?? '';

export const createRuns = (config: KubeConfig, kubeconfig: string, namespace: string): Runs => {
  const core = config.makeApiClient(CoreV1Api);
  const batch = config.makeApiClient(BatchV1Api);
  const of = (taskId: string) => ({ namespace, labelSelector: `${LABELS.task}=${taskId}` });
  const pods = async (taskId: string) => (await core.listNamespacedPod(of(taskId))).items;
  const jobs = async (taskId: string) => (await batch.listNamespacedJob(of(taskId))).items;
  return {
    namespace,
    pods,
    jobs,
    running: (taskId) =>
      until(
        `a pod of ${taskId} runs`,
        async () => {
          const living = (await pods(taskId)).filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
          return living.find(({ status }) => {
            const containers = status?.containerStatuses ?? [];
            return containers.length > 0 && containers.every(({ state }) => state?.running !== undefined);
          });
        },
        60_000,
      ),
    leftovers: async (taskId) => {
      const secrets = (await core.listNamespacedSecret(of(taskId))).items;
      return [
        ...(await jobs(taskId)).map((job) => `Job ${nameOf(job)}`),
        ...(await pods(taskId)).map((pod) => `Pod ${nameOf(pod)}`),
        ...secrets.map(({ metadata }) => `Secret ${metadata?.name}`),
      ];
    },
    exec: async (pod, container, script) => {
      const where = ['--namespace', pod.metadata?.namespace ?? namespace, nameOf(pod), '--container', container];
      const args = ['kubectl', 'exec', ...where, '--', 'sh', '-c', script];
      return (await execa(clusterPrograms().kube, args, { env: { KUBECONFIG: kubeconfig } })).stdout;
    },
  };
};

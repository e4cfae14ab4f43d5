import { Writable } from 'node:stream';
import { BatchV1Api, CoreV1Api, Exec, KubeConfig, type V1Job, type V1Pod, type V1PodSpec, type V1Status } from '@kubernetes/client-node';
import { BUSYBOX_IMAGE } from '../cluster/images.ts';
import { until } from './until.ts';

/** What PodSecurity `restricted` wants of a pod. */
const restricted = (command: readonly string[], image = BUSYBOX_IMAGE): V1PodSpec => ({
  restartPolicy: 'Never',
  terminationGracePeriodSeconds: 0,
  automountServiceAccountToken: false,
  securityContext: { runAsNonRoot: true, runAsUser: 65534, runAsGroup: 65534, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [
    {
      name: 'main',
      image,
      imagePullPolicy: 'Never',
      command: [...command],
      securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    },
  ],
});

/** Pods for tests, of busybox where no image is named, in namespaces that `removeAll` takes away. */
export const clusterPods = (kubeconfig: string) => {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const core = config.makeApiClient(CoreV1Api);
  const batch = config.makeApiClient(BatchV1Api);
  const namespaces: string[] = [];

  /** What the command says and how it ends, in a pod that runs. */
  const exec = async (pod: V1Pod, command: readonly string[]): Promise<{ readonly code: number; readonly output: string }> => {
    let output = '';
    const sink = new Writable({
      write(chunk, _encoding, done) {
        output += chunk;
        done();
      },
    });
    const status = await new Promise<V1Status>((resolve, reject) => {
      new Exec(config)
        .exec(pod.metadata?.namespace ?? '', pod.metadata?.name ?? '', 'main', [...command], sink, sink, null, false, resolve)
        .catch(reject);
    });
    const code = status.status === 'Success' ? 0 : Number(status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message);
    return { code, output };
  };

  return {
    core,
    batch,
    exec,
    /** PodSecurity `restricted` is enforced there; its default service account is there. */
    async namespace(prefix: string): Promise<string> {
      const { metadata } = await core.createNamespace({
        body: { metadata: { generateName: `${prefix}-`, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
      });
      const name = metadata?.name ?? '';
      namespaces.push(name);
      await until('its service account', async () => (await core.listNamespacedServiceAccount({ namespace: name })).items.length > 0);
      return name;
    },
    /** Resolves when it runs and has an address. */
    async pod(
      namespace: string,
      name: string,
      labels: Readonly<Record<string, string>>,
      command: readonly string[],
      image?: string,
    ): Promise<V1Pod> {
      await core.createNamespacedPod({ namespace, body: { metadata: { name, labels: { ...labels } }, spec: restricted(command, image) } });
      return until(`pod ${name} runs`, async () => {
        const pod = await core.readNamespacedPod({ namespace, name });
        return pod.status?.phase === 'Running' && pod.status.podIP !== undefined ? pod : null;
      });
    },
    job(name: string, command: readonly string[], podSpec: Partial<V1PodSpec> = {}): V1Job {
      return { metadata: { name }, spec: { backoffLimit: 0, template: { spec: { ...restricted(command), ...podSpec } } } };
    },
    /** Whether a TCP connection from the pod to there comes to stand within four seconds. */
    async connects(pod: V1Pod, host: string, port: number): Promise<boolean> {
      return (await exec(pod, ['sh', '-c', `nc -w 4 '${host}' ${port} </dev/null`])).code === 0;
    },
    async removeAll(): Promise<void> {
      await Promise.all(namespaces.splice(0).map((name) => core.deleteNamespace({ name })));
    },
  };
};

import type { V1Container, V1EnvVar, V1PodSpec, V1Toleration, V1Volume } from '@kubernetes/client-node';
import type { RunOrder } from '../../tasks/run.ts';
import { volumeBytesOf } from '../pod/bounds.ts';
import {
  executorOf,
  POD_GID,
  POD_MOUNTS,
  POD_UIDS,
  POD_VOLUMES,
  type PodContainer,
  type PodVolume,
  SIDECAR_ENVIRONMENT,
  sidecarCommandOf,
} from '../pod/layout.ts';
import { type RunShares, resourcesOf } from './resources.ts';

/** What an operator decides about the pods of runs. */
export interface PodTemplate {
  readonly images: { readonly sidecar: string; readonly agent: string };
  readonly shares: RunShares;
  readonly pullSecrets: readonly string[];
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly V1Toleration[];
  readonly priorityClass: string | null;
  /** gVisor, Kata: whatever the cluster offers. */
  readonly runtimeClass: string | null;
  /** Where set, the code stands on a volume of this class, made for the run and removed with it, in place of the node's disk. */
  readonly codeStorageClass: string | null;
}

/** The gateway's name and address: runs have no DNS. Null where its URL holds the address. */
export interface GatewayAlias {
  readonly hostname: string;
  readonly address: string;
}

/** From SIGTERM to SIGKILL; the sidecar gives up on its last checkpoint after 7.5 s. */
export const GRACE_SECONDS = 10;
/** How long a run waits for a node that stopped answering, before it is taken to be lost. */
const NODE_PATIENCE_SECONDS = 60;

/** The kubelet tells every container where the API server is, whatever `enableServiceLinks` says; these take it back. */
const NO_API_SERVER: readonly V1EnvVar[] = [
  'KUBERNETES_SERVICE_HOST',
  'KUBERNETES_SERVICE_PORT',
  'KUBERNETES_SERVICE_PORT_HTTPS',
  'KUBERNETES_PORT',
  'KUBERNETES_PORT_443_TCP',
  'KUBERNETES_PORT_443_TCP_PROTO',
  'KUBERNETES_PORT_443_TCP_PORT',
  'KUBERNETES_PORT_443_TCP_ADDR',
].map((name) => ({ name, value: '' }));

const programOf = (
  container: PodContainer,
  agentImage: string,
): { readonly command: readonly string[]; readonly environment: Readonly<Record<string, string>> } =>
  container === 'sidecar' ? { command: sidecarCommandOf(agentImage), environment: SIDECAR_ENVIRONMENT } : executorOf(container);

/** As the program shall see it: the kubelet replaces `$(NAME)`, and takes `$$` for a dollar. */
const literal = (value: string): string => value.replaceAll('$', '$$$$');

const containerOf = (name: PodContainer, order: RunOrder, { images, shares }: PodTemplate): V1Container => {
  const agentImage = order.image ?? images.agent;
  const { command, environment } = programOf(name, agentImage);
  return {
    name,
    image: name === 'sidecar' ? images.sidecar : agentImage,
    imagePullPolicy: 'IfNotPresent',
    command: [...command],
    env: [...NO_API_SERVER, ...Object.entries(environment).map(([key, value]) => ({ name: key, value: literal(value) }))],
    // The sidecar writes how the run ended; where it could not, its last lines have to do.
    terminationMessagePolicy: name === 'sidecar' ? 'FallbackToLogsOnError' : 'File',
    resources: resourcesOf(name, order.limits, shares),
    securityContext: {
      runAsUser: POD_UIDS[name],
      runAsGroup: POD_GID,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: POD_MOUNTS[name].map(({ volume, path, readOnly }) => ({ name: volume, mountPath: path, readOnly })),
  };
};

const volumeOf = (name: PodVolume, order: RunOrder, secretName: string, codeStorageClass: string | null): V1Volume => {
  const size = String(volumeBytesOf(name, order.limits));
  switch (POD_VOLUMES[name]) {
    case 'secret':
      return { name, secret: { secretName, defaultMode: 0o440 } };
    case 'memory':
      return { name, emptyDir: { medium: 'Memory', sizeLimit: size } };
    case 'disk':
      if (name !== 'code' || codeStorageClass === null) return { name, emptyDir: { sizeLimit: size } };
      return {
        name,
        ephemeral: {
          volumeClaimTemplate: {
            spec: { accessModes: ['ReadWriteOnce'], storageClassName: codeStorageClass, resources: { requests: { storage: size } } },
          },
        },
      };
  }
};

const away = (key: string): V1Toleration => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: NODE_PATIENCE_SECONDS });

/** The pod of a run: three containers that share folders and nothing else, under PodSecurity `restricted`, without name service or API access. */
export const podOf = (order: RunOrder, template: PodTemplate, secretName: string, alias: GatewayAlias | null): V1PodSpec => ({
  restartPolicy: 'Never',
  terminationGracePeriodSeconds: GRACE_SECONDS,
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  shareProcessNamespace: false,
  hostNetwork: false,
  hostPID: false,
  hostIPC: false,
  // Nobody answers there; without a name server at all the API server refuses the policy.
  dnsPolicy: 'None',
  dnsConfig: { nameservers: ['127.0.0.1'] },
  ...(alias && { hostAliases: [{ ip: alias.address, hostnames: [alias.hostname] }] }),
  ...(template.priorityClass !== null && { priorityClassName: template.priorityClass }),
  ...(template.runtimeClass !== null && { runtimeClassName: template.runtimeClass }),
  nodeSelector: { ...template.nodeSelector },
  tolerations: [away('node.kubernetes.io/not-ready'), away('node.kubernetes.io/unreachable'), ...template.tolerations],
  imagePullSecrets: template.pullSecrets.map((name) => ({ name })),
  // Each container names its user and group; a group without a user here keeps containerd from making the pod.
  securityContext: {
    runAsNonRoot: true,
    fsGroup: POD_GID,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  },
  containers: (['sidecar', 'agent', 'tools'] as const).map((name) => containerOf(name, order, template)),
  volumes: (Object.keys(POD_VOLUMES) as PodVolume[]).map((name) => volumeOf(name, order, secretName, template.codeStorageClass)),
});

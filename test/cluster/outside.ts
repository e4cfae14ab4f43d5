import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import { execa } from 'execa';
import { findServer, type ServerProcess, startServerProcess } from '../servers/server-process.ts';
import type { clusterPods } from '../support/cluster-pods.ts';
import type { Cluster } from './cluster.ts';
import { API_PORT } from './components.ts';
import { inNamespace, OUTSIDE_ADDRESSES } from './network.ts';

const OUTSIDE_PORT = 8080;
const KUBELET_PORT = 10250;
/** Where the pod that stands for other pods listens. */
export const POD_PORT = 8080;

/** What a run must not reach and a pod without policies does, by its name. */
export type StandIns = Readonly<Record<string, { readonly host: string; readonly port: number }>>;

const linkLocal = (text: string): string => /fe80:[0-9a-f:]+/.exec(text)?.[0] ?? '';

/** Those of every cluster; `pod` listens at `POD_PORT`. */
export const standInsInside = async ({ core, exec }: ReturnType<typeof clusterPods>, pod: V1Pod): Promise<StandIns> => {
  const { spec } = await core.readNamespacedService({ namespace: 'default', name: 'kubernetes' });
  const { subsets } = await core.readNamespacedEndpoints({ namespace: 'default', name: 'kubernetes' });
  const node = await core.readNode({ name: pod.spec?.nodeName ?? '' });
  const nodeAddress = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
  const podLink = linkLocal((await exec(pod, ['ip', '-6', 'addr', 'show', 'eth0'])).output);
  return {
    'another pod': { host: pod.status?.podIP ?? '', port: POD_PORT },
    'the API server': { host: subsets?.[0]?.addresses?.[0]?.ip ?? '', port: subsets?.[0]?.ports?.[0]?.port ?? 0 },
    'the API server by its service': { host: spec?.clusterIP ?? '', port: 443 },
    'the kubelet': { host: nodeAddress, port: KUBELET_PORT },
    'another pod by IPv6 link-local': { host: `${podLink}%eth0`, port: POD_PORT },
  };
};

/** A web server behind the cluster's default route. Resolves when it answers. */
const startOutside = async ({ network, folder }: Cluster): Promise<ServerProcess> => {
  const emptyFolder = join(folder, 'served');
  await mkdir(emptyFolder);
  const busybox = (...args: readonly string[]) => inNamespace(network.outsideName, [findServer('busybox'), ...args]);
  const [program, ...args] = busybox('nc', '-w', '1', '127.0.0.1', String(OUTSIDE_PORT));
  return startServerProcess({
    command: busybox('httpd', '-f', '-p', String(OUTSIDE_PORT), '-h', emptyFolder),
    isReady: async () => (await execa(program, args, { reject: false, input: '' })).exitCode === 0,
  });
};

/** Those that are known, or made, only from below a cluster: they answer until the stack ends. Once a cluster. */
export const openStandInsBelow = async (cluster: Cluster, stack: AsyncDisposableStack): Promise<StandIns> => {
  const outside = await startOutside(cluster);
  stack.defer(async () => void (await outside.end('SIGKILL')));
  const [program, ...args] = inNamespace(cluster.network.name, [findServer('ip'), '-6', 'addr', 'show', 'cni0']);
  const nodeLink = linkLocal((await execa(program, args)).stdout);
  return {
    'the metadata server': { host: OUTSIDE_ADDRESSES.metadata, port: OUTSIDE_PORT },
    'the internet': { host: OUTSIDE_ADDRESSES.internet, port: OUTSIDE_PORT },
    'the API server by IPv6 link-local': { host: `${nodeLink}%eth0`, port: API_PORT },
  };
};

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

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A web server behind the cluster's default route: it stands for the metadata server and for the internet. Resolves when it answers. */
export const startOutside = async ({ folder, network }: Cluster): Promise<ServerProcess> => {
  const emptyFolder = join(folder, 'served');
  await mkdir(emptyFolder);
  const busybox = (...args: readonly string[]) => inNamespace(network.outsideName, [findServer('busybox'), ...args]);
  return startServerProcess({
    command: busybox('httpd', '-f', '-p', String(OUTSIDE_PORT), '-h', emptyFolder),
    isReady: async () => {
      const [program, ...args] = busybox('nc', '-w', '1', '127.0.0.1', String(OUTSIDE_PORT));
      return (await execa(program, args, { reject: false, input: '' })).exitCode === 0;
    },
  });
};

const linkLocal = (text: string): string => /fe80:[0-9a-f:]+/.exec(text)?.[0] ?? '';

/** By name: what a run must not reach and a pod without policies does, once `startOutside` has. `pod` listens at `POD_PORT`. */
export const standInsOf = async (
  { network, nodeAddress }: Cluster,
  pods: ReturnType<typeof clusterPods>,
  pod: V1Pod,
): Promise<Readonly<Record<string, Address>>> => {
  const podLink = linkLocal((await pods.exec(pod, ['ip', '-6', 'addr', 'show', 'eth0'])).output);
  const [program, ...args] = inNamespace(network.name, [findServer('ip'), '-6', 'addr', 'show', 'cni0']);
  const nodeLink = linkLocal((await execa(program, args)).stdout);
  return {
    'another pod': { host: pod.status?.podIP ?? '', port: POD_PORT },
    'the API server': { host: nodeAddress, port: API_PORT },
    'the API server by its service': { host: network.apiServiceAddress, port: 443 },
    'the kubelet': { host: nodeAddress, port: KUBELET_PORT },
    'the metadata server': { host: OUTSIDE_ADDRESSES.metadata, port: OUTSIDE_PORT },
    'the internet': { host: OUTSIDE_ADDRESSES.internet, port: OUTSIDE_PORT },
    'another pod by IPv6 link-local': { host: `${podLink}%eth0`, port: POD_PORT },
    'the API server by IPv6 link-local': { host: `${nodeLink}%eth0`, port: API_PORT },
  };
};

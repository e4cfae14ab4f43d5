import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CNI_PLUGINS, kubernetesFolder } from '../../scripts/setup/kubernetes.mjs';
import { findServer, ServerMissingError } from '../servers/server-process.ts';

const ROOT = join(import.meta.dirname, '../..');
const PROGRAMS = ['containerd', 'ctr', 'runc', 'ip', 'nsenter', 'nft', 'sysctl', 'busybox', 'openssl', 'umount'];

/** No cluster can be started on this machine; the message says why and how to get one. */
export class ClusterMissingError extends Error {
  override readonly name = 'ClusterMissingError';
  constructor(why: string) {
    super(`no Kubernetes cluster: ${why}; or set KUBECONFIG to a cluster that is already there (kind, k3s, a cloud)`);
  }
}

export interface ClusterPrograms {
  readonly kube: string;
  readonly pause: string;
  readonly dns: string;
}

/** What a cluster of this machine is started from; throws `ClusterMissingError` where it can't be. */
export const clusterPrograms = (): ClusterPrograms => {
  if (process.platform !== 'linux') throw new ClusterMissingError('one of its own needs Linux');
  if (process.getuid?.() !== 0) throw new ClusterMissingError('starting one needs root, for network namespaces and containers');
  const setUp = 'run `node scripts/setup.mjs --cluster` as root';
  try {
    PROGRAMS.forEach(findServer);
  } catch (error) {
    if (!(error instanceof ServerMissingError)) throw error;
    throw new ClusterMissingError(`a program is missing (${error.message.split(' ')[0]}); ${setUp}`);
  }
  const folder = kubernetesFolder(ROOT);
  if (!existsSync(join(CNI_PLUGINS, 'bridge'))) throw new ClusterMissingError(`the CNI plugins are missing; ${setUp}`);
  if (!existsSync(join(folder, 'kube'))) throw new ClusterMissingError(`Kubernetes itself has not been built; ${setUp}`);
  return { kube: join(folder, 'kube'), pause: join(folder, 'pause'), dns: join(folder, 'dns') };
};

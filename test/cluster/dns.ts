import { join } from 'node:path';
import { AppsV1Api, KubeConfig } from '@kubernetes/client-node';
import { execa } from 'execa';
import { renderTemplate } from '../servers/render-template.ts';
import { until } from '../support/until.ts';
import { DNS_IMAGE } from './images.ts';
import type { ClusterNetwork } from './network.ts';

/** CoreDNS as a pod, as everywhere: policies that let pods ask for names find it by its labels. Resolves when it answers. */
export const startDns = async (kube: string, kubeconfig: string, { dnsAddress }: ClusterNetwork): Promise<void> => {
  const manifest = renderTemplate(join(import.meta.dirname, 'setup/dns.yaml.template'), { DNS_ADDRESS: dnsAddress, DNS_IMAGE });
  await execa(kube, ['kubectl', 'create', '-f', '-'], { env: { KUBECONFIG: kubeconfig }, input: manifest });
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const apps = config.makeApiClient(AppsV1Api);
  await until('CoreDNS answers', async () => {
    const { status } = await apps.readNamespacedDeploymentStatus({ name: 'coredns', namespace: 'kube-system' });
    return status?.readyReplicas === 1;
  });
};

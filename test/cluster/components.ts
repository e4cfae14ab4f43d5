import { join } from 'node:path';
import type { ClusterNetwork } from './network.ts';
import type { Pki } from './pki.ts';

/** What the command lines of a cluster's components are made from. */
export interface ClusterLayout {
  /** Every file of the cluster is below here; short, for unix sockets are. */
  readonly folder: string;
  readonly network: ClusterNetwork;
  readonly pki: Pki;
}

export const NODE_NAME = 'node1';
export const API_PORT = 6443;
const ETCD_URL = 'http://127.0.0.1:2379';
const ETCD_PEER_URL = 'http://127.0.0.1:2380';
/** Health alone, also for who stands outside the namespace. */
export const etcdHealthUrl = ({ nodeAddress }: ClusterNetwork): string => `http://${nodeAddress}:2381`;

/** Fresh and thrown away with the cluster: nothing needs to survive a crash of the machine. */
export const etcd = ({ folder, network }: ClusterLayout): readonly string[] => [
  'etcd',
  '--name=etcd',
  `--data-dir=${join(folder, 'etcd')}`,
  '--unsafe-no-fsync',
  '--log-level=warn',
  `--listen-client-urls=${ETCD_URL}`,
  `--advertise-client-urls=${ETCD_URL}`,
  `--listen-peer-urls=${ETCD_PEER_URL}`,
  `--initial-advertise-peer-urls=${ETCD_PEER_URL}`,
  `--initial-cluster=etcd=${ETCD_PEER_URL}`,
  `--listen-metrics-urls=${etcdHealthUrl(network)}`,
];

/** Listens on IPv6 too, as it does by default everywhere: a policy that forgets IPv6 must show. */
export const apiServer = ({ network, pki }: ClusterLayout): readonly string[] => [
  'kube-apiserver',
  `--etcd-servers=${ETCD_URL}`,
  '--bind-address=::',
  `--advertise-address=${network.nodeAddress}`,
  `--secure-port=${API_PORT}`,
  `--service-cluster-ip-range=${network.serviceCidr}`,
  `--tls-cert-file=${pki.certificateFile('apiserver')}`,
  `--tls-private-key-file=${pki.keyFile('apiserver')}`,
  `--client-ca-file=${pki.caFile}`,
  '--kubelet-preferred-address-types=InternalIP',
  `--kubelet-client-certificate=${pki.certificateFile('kubelet-client')}`,
  `--kubelet-client-key=${pki.keyFile('kubelet-client')}`,
  '--service-account-issuer=https://kubernetes.default.svc',
  `--service-account-key-file=${pki.keyFile('service-accounts')}`,
  `--service-account-signing-key-file=${pki.keyFile('service-accounts')}`,
  '--authorization-mode=Node,RBAC',
  '--enable-admission-plugins=NodeRestriction',
  '--allow-privileged=false',
  '--profiling=false',
];

const asItself = (file: string): readonly string[] => [
  `--kubeconfig=${file}`,
  `--authentication-kubeconfig=${file}`,
  `--authorization-kubeconfig=${file}`,
];
const ALONE = ['--leader-elect=false', '--profiling=false', '--bind-address=127.0.0.1'];

export const controllerManager = ({ pki }: ClusterLayout): readonly string[] => [
  'kube-controller-manager',
  ...asItself(pki.kubeconfigFile('controller-manager')),
  ...ALONE,
  '--use-service-account-credentials',
  `--service-account-private-key-file=${pki.keyFile('service-accounts')}`,
  `--root-ca-file=${pki.caFile}`,
  '--kube-api-qps=300',
  '--kube-api-burst=600',
];

export const scheduler = ({ pki }: ClusterLayout): readonly string[] => [
  'kube-scheduler',
  ...asItself(pki.kubeconfigFile('scheduler')),
  ...ALONE,
];

export const kubeProxy = ({ network, pki }: ClusterLayout): readonly string[] => [
  'kube-proxy',
  `--kubeconfig=${pki.kubeconfigFile('proxy')}`,
  `--hostname-override=${NODE_NAME}`,
  '--proxy-mode=nftables',
  `--cluster-cidr=${network.podCidr}`,
  `--bind-address=${network.nodeAddress}`,
  // The machine's own settings stay as they are.
  '--conntrack-max-per-core=0',
  '--conntrack-tcp-timeout-established=0',
  '--conntrack-tcp-timeout-close-wait=0',
  '--healthz-bind-address=127.0.0.1',
  '--metrics-bind-address=127.0.0.1',
];

export const kubelet = ({ folder, network, pki }: ClusterLayout): readonly string[] => [
  'kubelet',
  `--config=${join(folder, 'kubelet.yaml')}`,
  `--kubeconfig=${pki.kubeconfigFile('kubelet')}`,
  `--hostname-override=${NODE_NAME}`,
  `--node-ip=${network.nodeAddress}`,
  `--root-dir=${join(folder, 'kubelet')}`,
  `--cert-dir=${join(folder, 'kubelet/pki')}`,
];

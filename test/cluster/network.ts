import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { execa } from 'execa';
import { findServer } from '../servers/server-process.ts';
import { type Claim, tryClaim } from './claim.ts';

/** The addresses of one cluster: a /16 of its own, so that several stand side by side and the machine can route to each. */
export interface ClusterNetwork {
  /** Of the network namespace, of the machine's end of the cable, of the folder and the cgroup: of the cluster. */
  readonly name: string;
  /** The machine, as pods reach it. */
  readonly hostAddress: string;
  readonly nodeAddress: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly apiServiceAddress: string;
  readonly dnsAddress: string;
  /** Stands for every address that is neither the cluster's nor the machine's; see `OUTSIDE_ADDRESSES`. */
  readonly outsideName: string;
}

/** What stands behind the cluster's default route: the cloud's metadata server, and one of documentation's addresses for the internet. */
export const OUTSIDE_ADDRESSES = { metadata: '169.254.169.254', internet: '198.51.100.10' } as const;

const FIRST_BLOCK = 200;
const BLOCKS = 50;

const outsideNameOf = (name: string): string => `${name}-out`;

const networkOf = (block: number): ClusterNetwork => ({
  // An interface's name has at most 15 characters.
  name: `codebay-k8s-${block}`,
  hostAddress: `10.${block}.0.1`,
  nodeAddress: `10.${block}.0.2`,
  podCidr: `10.${block}.1.0/24`,
  serviceCidr: `10.${block}.2.0/24`,
  apiServiceAddress: `10.${block}.2.1`,
  dnsAddress: `10.${block}.2.10`,
  outsideName: outsideNameOf(`codebay-k8s-${block}`),
});

const NETWORKS: readonly ClusterNetwork[] = Array.from({ length: BLOCKS }, (_, index) => networkOf(FIRST_BLOCK + index));
/** Of all clusters that there can be on this machine. */
export const CLUSTER_NAMES: readonly string[] = NETWORKS.map(({ name }) => name);

const namespaceFile = (name: string): string => `/run/netns/${name}`;

/** The command line that runs a program in the network namespace. */
export const inNamespace = (name: string, command: readonly string[]): [string, ...string[]] => [
  findServer('nsenter'),
  `--net=${namespaceFile(name)}`,
  '--',
  ...command,
];

const ip = findServer.bind(null, 'ip');

const batch = (namespace: string | null, lines: readonly string[]) => {
  const [program, ...args] = namespace === null ? [ip(), '-batch', '-'] : inNamespace(namespace, [ip(), '-batch', '-']);
  return execa(program, args, { input: lines.join('\n') });
};

/** A block of addresses that neither another cluster nor this machine has; held by this process from now on. */
export const claimNetwork = async (): Promise<{ readonly network: ClusterNetwork; readonly claim: Claim }> => {
  const used = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  for (const network of NETWORKS) {
    const block = network.hostAddress.replace(/\d+\.\d+$/, '');
    if (used.some(({ address }) => address.startsWith(block))) continue;
    const claim = await tryClaim(network.name);
    if (claim !== null) return { network, claim };
  }
  throw new Error(`${BLOCKS} clusters run here already`);
};

/**
 * A network namespace for the node and its pods, a cable to the machine, by which it reaches pods and services and they reach it, and a
 * second namespace behind the default route that stands for the world.
 */
export const createNetwork = async (network: ClusterNetwork): Promise<void> => {
  const { name, hostAddress, nodeAddress, outsideName } = network;
  const worldCable = nodeAddress.replace(/\.0\.2$/, '.3');
  for (const namespace of [name, outsideName]) await execa(ip(), ['netns', 'add', namespace]);
  await batch(null, [
    `link add ${name} type veth peer name machine netns ${name}`,
    `addr add ${hostAddress}/30 dev ${name}`,
    `link set ${name} up`,
  ]);
  await batch(name, [
    'link set lo up',
    `addr add ${nodeAddress}/30 dev machine`,
    'link set machine up',
    `link add world type veth peer name node netns ${outsideName}`,
    `addr add ${worldCable}.1/30 dev world`,
    'link set world up',
    `route add default via ${worldCable}.2`,
  ]);
  await batch(outsideName, [
    'link set lo up',
    `addr add ${worldCable}.2/30 dev node`,
    'link set node up',
    ...Object.values(OUTSIDE_ADDRESSES).map((address) => `addr add ${address}/32 dev lo`),
    `route add default via ${worldCable}.1`,
  ]);
  await batch(null, [`route add ${network.podCidr} via ${nodeAddress}`, `route add ${network.serviceCidr} via ${nodeAddress}`]);
  // Frames between two pods pass a bridge: without this, neither kube-proxy nor a policy sees them.
  const settings = ['net.ipv4.ip_forward=1', 'net.bridge.bridge-nf-call-iptables=1', 'net.bridge.bridge-nf-call-ip6tables=1'];
  const [program, ...args] = inNamespace(name, [findServer('sysctl'), '-qw', ...settings]);
  await execa(program, args);
};

const namespacesOf = (name: string): readonly string[] => [name, outsideNameOf(name)];

export const hasNetwork = (name: string): boolean => namespacesOf(name).some((one) => existsSync(namespaceFile(one)));

/** The processes in a cluster's two namespaces: its components, the shims of its containers, and what a test started there; no pod's. */
export const networkPids = async (name: string): Promise<readonly number[]> => {
  const existing = namespacesOf(name).filter((one) => existsSync(namespaceFile(one)));
  const lists = await Promise.all(existing.map((one) => execa(ip(), ['netns', 'pids', one], { lines: true })));
  return lists.flatMap(({ stdout }) => stdout.filter((line) => line !== '')).map(Number);
};

/** Removes a cluster's cable, and both of its namespaces with their routes; nothing where there are none. */
export const removeNetwork = async (name: string): Promise<void> => {
  // The kernel takes the cable away with the namespace at its end, but only some time after.
  if (networkInterfaces()[name] !== undefined) await execa(ip(), ['link', 'delete', name]);
  for (const one of namespacesOf(name)) if (existsSync(namespaceFile(one))) await execa(ip(), ['netns', 'delete', one]);
};

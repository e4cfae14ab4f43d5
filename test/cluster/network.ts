import { networkInterfaces } from 'node:os';
import { execa } from 'execa';
import { findServer } from '../servers/server-process.ts';

/** The addresses of one cluster: a /16 of its own, so that several stand side by side and the machine can route to each. */
export interface ClusterNetwork {
  /** Of the network namespace, of the machine's end of the cable and, in front of every file and cgroup, of the cluster. */
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

const networkOf = (block: number): ClusterNetwork => ({
  name: `codebay-${block}`,
  hostAddress: `10.${block}.0.1`,
  nodeAddress: `10.${block}.0.2`,
  podCidr: `10.${block}.1.0/24`,
  serviceCidr: `10.${block}.2.0/24`,
  apiServiceAddress: `10.${block}.2.1`,
  dnsAddress: `10.${block}.2.10`,
  outsideName: `codebay-${block}-out`,
});

/** The command line that runs a program in the network namespace. */
export const inNamespace = (name: string, command: readonly string[]): [string, ...string[]] => [
  findServer('nsenter'),
  `--net=/run/netns/${name}`,
  '--',
  ...command,
];

const ip = findServer.bind(null, 'ip');

const batch = (namespace: string | null, lines: readonly string[]) => {
  const [program, ...args] = namespace === null ? [ip(), '-batch', '-'] : inNamespace(namespace, [ip(), '-batch', '-']);
  return execa(program, args, { input: lines.join('\n') });
};

/** Making the namespace is what claims the block: it fails where another cluster has it. */
const claim = async (): Promise<ClusterNetwork> => {
  const used = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  for (let block = FIRST_BLOCK; block < FIRST_BLOCK + BLOCKS; block++) {
    if (used.some(({ address }) => address.startsWith(`10.${block}.`))) continue;
    const network = networkOf(block);
    const made = await execa(ip(), ['netns', 'add', network.name], { reject: false });
    if (made.exitCode === 0) return network;
    if (!made.stderr.includes('File exists')) throw new Error(`no network namespace could be made: ${made.stderr}`);
  }
  throw new Error(`${BLOCKS} clusters run here already`);
};

/**
 * A network namespace for the node and its pods, a cable to the machine, by which it reaches pods and services and they reach it, and a
 * second namespace behind the default route that stands for the world.
 */
export const createNetwork = async (): Promise<ClusterNetwork> => {
  const network = await claim();
  const { name, hostAddress, nodeAddress, outsideName } = network;
  const worldCable = nodeAddress.replace(/\.0\.2$/, '.3');
  try {
    await execa(ip(), ['netns', 'add', outsideName]);
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
    return network;
  } catch (error) {
    await removeNetwork(network.name);
    throw error;
  }
};

/** Removes both namespaces of a cluster, and with them its cables and routes; nothing where there are none. */
export const removeNetwork = async (name: string): Promise<void> => {
  await Promise.all([`${name}-out`, name].map((one) => execa(ip(), ['netns', 'delete', one], { reject: false })));
};

import { execa } from 'execa';
import { findServer } from '../servers/server-process.ts';
import { API_PORT } from './components.ts';
import { type ClusterNetwork, inNamespace } from './network.ts';

export interface Silence extends AsyncDisposable {
  /** How many packets have been lost so far. */
  swallowed(): Promise<number>;
}

const TABLE = 'codebay_silence';

const within = async ({ name }: ClusterNetwork, program: string, args: readonly string[], input = ''): Promise<string> => {
  const [command, ...rest] = inNamespace(name, [findServer(program), ...args]);
  return (await execa(command, rest, { input })).stdout;
};

/** The pod's ports of its connections to the API server that stand now. */
const portsOf = async (network: ClusterNetwork, podAddress: string): Promise<readonly string[]> => {
  const lines = (await within(network, 'ss', ['-Htn', 'state', 'established', `( sport = :${API_PORT} )`])).split('\n');
  const peers = lines.map((line) => /(\S+):(\d+)\s*$/.exec(line.trim()) ?? []);
  return peers.flatMap(([, address = '', port = '']) => (address.replace(/^\[::ffff:(.*)\]$/, '$1') === podAddress ? [port] : []));
};

/**
 * From now on nothing comes or goes on the connections that the pod has to the API server, though both ends take them for sound; new ones
 * are. Throws where there are none. Disposing ends it.
 */
export const silenceConnections = async (network: ClusterNetwork, podAddress: string): Promise<Silence> => {
  const ports = await portsOf(network, podAddress);
  if (ports.length === 0) throw new Error(`the pod at ${podAddress} has no connection to the API server`);
  const set = `{ ${ports.join(', ')} }`;
  const rules = [
    `table inet ${TABLE} {`,
    '  counter swallowed {}',
    '  chain input {',
    '    type filter hook input priority -1; policy accept;',
    `    ip saddr ${podAddress} tcp sport ${set} tcp dport ${API_PORT} counter name swallowed drop`,
    '  }',
    '  chain output {',
    '    type filter hook output priority -1; policy accept;',
    `    ip daddr ${podAddress} tcp dport ${set} tcp sport ${API_PORT} counter name swallowed drop`,
    '  }',
    '}',
    '',
  ].join('\n');
  await within(network, 'nft', ['-f', '-'], rules);
  return {
    swallowed: async () => Number(/packets (\d+)/.exec(await within(network, 'nft', ['list', 'counters', 'table', 'inet', TABLE]))?.[1]),
    [Symbol.asyncDispose]: async () => void (await within(network, 'nft', ['delete', 'table', 'inet', TABLE])),
  };
};

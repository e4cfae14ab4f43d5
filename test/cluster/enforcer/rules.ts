import type { Direction, Labels, Peer, Policy, PolicyRule, Port } from './policy.ts';
import { selects } from './selector.ts';

/** A pod with a network of its own. */
export interface PolicyPod {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Labels;
  /** All of them, IPv6 and link-local ones included: what is missing here is not isolated. */
  readonly addresses: readonly string[];
}

export interface PolicyWorld {
  readonly policies: readonly Policy[];
  readonly pods: readonly PolicyPod[];
  readonly namespaces: ReadonlyMap<string, Labels>;
}

export const TABLE = 'codebay_policies';

const FAMILIES = ['ip', 'ip6'] as const;
type Family = (typeof FAMILIES)[number];
const familyOf = (address: string): Family => (address.includes(':') ? 'ip6' : 'ip');
const setOf = (items: readonly string[]): string => `{ ${items.join(', ')} }`;

/** The other end's side of a packet. */
const OTHER_END = { ingress: 'saddr', egress: 'daddr' } as const;
const OWN_END = { ingress: 'daddr', egress: 'saddr' } as const;

const podsOf = (peer: Peer, policy: Policy, { pods, namespaces }: PolicyWorld): readonly PolicyPod[] =>
  pods.filter(({ namespace, labels }) => {
    const isInNamespace =
      peer.namespaceSelector === undefined
        ? namespace === policy.namespace
        : selects(peer.namespaceSelector, namespaces.get(namespace) ?? {});
    return isInNamespace && (peer.podSelector === undefined || selects(peer.podSelector, labels));
  });

/** One match expression a family; none where nobody is meant. */
const peerMatches = (peer: Peer, policy: Policy, world: PolicyWorld, end: string): readonly string[] => {
  if (peer.ipBlock !== undefined) {
    const { cidr, except } = peer.ipBlock;
    const family = familyOf(cidr);
    return [`${family} ${end} ${cidr}${except.length > 0 ? ` ${family} ${end} != ${setOf(except)}` : ''}`];
  }
  const addresses = podsOf(peer, policy, world).flatMap((pod) => pod.addresses);
  return FAMILIES.flatMap((family) => {
    const own = addresses.filter((address) => familyOf(address) === family);
    return own.length > 0 ? [`${family} ${end} ${setOf(own)}`] : [];
  });
};

const portMatch = ({ protocol, port, endPort }: Port): string => {
  const name = protocol.toLowerCase();
  if (port === undefined) return `meta l4proto ${name}`;
  return `${name} dport ${port}${endPort === undefined ? '' : `-${endPort}`}`;
};

const allowances = (rule: PolicyRule, policy: Policy, world: PolicyWorld, end: string): readonly string[] => {
  const peers = rule.peers.length === 0 ? [''] : rule.peers.flatMap((peer) => peerMatches(peer, policy, world, end));
  const ports = rule.ports.length === 0 ? [''] : rule.ports.map(portMatch);
  return peers.flatMap((peer) => ports.map((port) => [peer, port, 'return'].filter((part) => part !== '').join(' ')));
};

interface IsolatedPod {
  readonly pod: PolicyPod;
  readonly chain: string;
  readonly lines: readonly string[];
}

const isolatedPods = (direction: Direction, world: PolicyWorld): readonly IsolatedPod[] =>
  world.pods.flatMap((pod, index) => {
    const policies = world.policies.filter(
      (policy) => policy[direction] !== undefined && policy.namespace === pod.namespace && selects(policy.podSelector, pod.labels),
    );
    if (policies.length === 0) return [];
    const end = OTHER_END[direction];
    const allowed = policies.flatMap((policy) => (policy[direction] ?? []).flatMap((rule) => allowances(rule, policy, world, end)));
    return [{ pod, chain: `${direction}_${index}`, lines: [...allowed, 'drop'] }];
  });

const chain = (name: string, lines: readonly string[]): string => `  chain ${name} {\n${lines.map((line) => `    ${line}\n`).join('')}  }`;

const directionChains = (direction: Direction, world: PolicyWorld): readonly string[] => {
  const isolated = isolatedPods(direction, world);
  const choices = FAMILIES.flatMap((family) => {
    const own = isolated.flatMap(({ pod, chain }) =>
      pod.addresses.filter((address) => familyOf(address) === family).map((address) => `${address} : goto ${chain}`),
    );
    return own.length > 0 ? [`${family} ${OWN_END[direction]} vmap ${setOf(own)}`] : [];
  });
  return [...isolated.map(({ chain: name, lines }) => chain(name, lines)), chain(direction, choices)];
};

/**
 * The nftables ruleset that enforces the policies, to be loaded in the node's network namespace; it takes the place of the one before at
 * once. What leaves a pod passes `forward`, to whomever it goes, or `input`, to the node itself. Connections that stand go on.
 */
export const rulesetOf = (world: PolicyWorld): string =>
  [
    `table inet ${TABLE}`,
    `delete table inet ${TABLE}`,
    `table inet ${TABLE} {`,
    ...directionChains('egress', world),
    ...directionChains('ingress', world),
    chain('forward', [
      'type filter hook forward priority filter; policy accept;',
      'ct state established,related accept',
      'jump egress',
      'jump ingress',
    ]),
    chain('input', ['type filter hook input priority filter; policy accept;', 'ct state established,related accept', 'jump egress']),
    '}',
    '',
  ].join('\n');

/** Lets no pod speak to anybody: loaded where the policies can't be enforced. */
export const closedRuleset = (podBridge: string): string =>
  [
    `table inet ${TABLE}`,
    `delete table inet ${TABLE}`,
    `table inet ${TABLE} {`,
    chain('forward', [
      'type filter hook forward priority filter; policy accept;',
      `iifname "${podBridge}" drop`,
      `oifname "${podBridge}" drop`,
    ]),
    chain('input', ['type filter hook input priority filter; policy accept;', `iifname "${podBridge}" drop`]),
    '}',
    '',
  ].join('\n');

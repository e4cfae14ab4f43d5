import { readPolicy, UnsupportedPolicyError } from '../../cluster/enforcer/policy.ts';
import { closedRuleset, type PolicyWorld, rulesetOf } from '../../cluster/enforcer/rules.ts';

const run = { name: 'run', namespace: 'runs', labels: { app: 'run' }, addresses: ['10.0.0.5', 'fe80::5'] };
const gateway = { name: 'gateway', namespace: 'system', labels: { app: 'gateway' }, addresses: ['10.0.0.6', 'fe80::6'] };
const other = { name: 'other', namespace: 'runs', labels: { app: 'other', tier: 'low' }, addresses: ['10.0.0.7'] };
const namespaces = new Map([
  ['runs', { 'kubernetes.io/metadata.name': 'runs' }],
  ['system', { 'kubernetes.io/metadata.name': 'system' }],
]);

const policy = (spec: object) => readPolicy({ metadata: { name: 'p', namespace: 'runs', uid: '1' }, spec });
const world = (...specs: readonly object[]): PolicyWorld => ({ policies: specs.map(policy), pods: [run, gateway, other], namespaces });

/** The lines of one chain; null where there is none. */
const chain = (ruleset: string, name: string): readonly string[] | null => {
  const body = new RegExp(`^ {2}chain ${name} \\{\\n([^}]*)^ {2}\\}`, 'm').exec(
    ruleset.replace(/\{ [^\n]* \}/g, (set) => set.replaceAll('}', '>')),
  )?.[1];
  return body === undefined
    ? null
    : body
        .replaceAll('>', '}')
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '');
};
/** What the pod at this place of the world may be sent or may send. */
const allowed = (spec: object, direction: 'ingress' | 'egress', index = 0) => chain(rulesetOf(world(spec)), `${direction}_${index}`);

const onlyRun = { podSelector: { matchLabels: { app: 'run' } } };
const egress = (...rules: readonly object[]) => ({ ...onlyRun, policyTypes: ['Egress'], egress: rules });

test('without policies nobody is isolated', () => {
  const ruleset = rulesetOf(world());
  expect(chain(ruleset, 'egress')).toEqual([]);
  expect(chain(ruleset, 'ingress')).toEqual([]);
  expect(ruleset).not.toContain('drop');
});

test('an empty policy denies both ways by every address of the pod, and leaves the others alone', () => {
  const ruleset = rulesetOf(world({ ...onlyRun, policyTypes: ['Ingress', 'Egress'] }));
  expect(chain(ruleset, 'egress_0')).toEqual(['drop']);
  expect(chain(ruleset, 'ingress_0')).toEqual(['drop']);
  expect(chain(ruleset, 'egress')).toEqual(['ip saddr vmap { 10.0.0.5 : goto egress_0 }', 'ip6 saddr vmap { fe80::5 : goto egress_0 }']);
  expect(chain(ruleset, 'ingress')).toEqual(['ip daddr vmap { 10.0.0.5 : goto ingress_0 }', 'ip6 daddr vmap { fe80::5 : goto ingress_0 }']);
  expect(chain(ruleset, 'input')).toContain('jump egress');
});

test('without types a policy isolates ingress, and egress only where it has rules for it', () => {
  expect(chain(rulesetOf(world(onlyRun)), 'egress_0')).toBeNull();
  expect(chain(rulesetOf(world(onlyRun)), 'ingress_0')).toEqual(['drop']);
  expect(chain(rulesetOf(world({ ...onlyRun, egress: [{}] })), 'egress_0')).toEqual(['return', 'drop']);
});

test('an empty pod selector means every pod of the namespace of the policy, no other', () => {
  const ruleset = rulesetOf(world({ podSelector: {}, policyTypes: ['Egress'] }));
  expect(['egress_0', 'egress_1', 'egress_2'].map((name) => chain(ruleset, name))).toEqual([['drop'], null, ['drop']]);
});

test.each([
  ['a block', { to: [{ ipBlock: { cidr: '10.1.0.0/16' } }] }, ['ip daddr 10.1.0.0/16 return']],
  [
    'a block with exceptions',
    { to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8', '169.254.0.0/16'] } }] },
    ['ip daddr 0.0.0.0/0 ip daddr != { 10.0.0.0/8, 169.254.0.0/16 } return'],
  ],
  ['an IPv6 block', { to: [{ ipBlock: { cidr: 'fd00::/8' } }] }, ['ip6 daddr fd00::/8 return']],
  ['pods of its own namespace', { to: [{ podSelector: { matchLabels: { app: 'gateway' } } }] }, []],
  [
    'pods of a named namespace',
    {
      to: [
        {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'system' } },
          podSelector: { matchLabels: { app: 'gateway' } },
        },
      ],
    },
    ['ip daddr { 10.0.0.6 } return', 'ip6 daddr { fe80::6 } return'],
  ],
  [
    'every pod of all namespaces',
    { to: [{ namespaceSelector: {} }] },
    ['ip daddr { 10.0.0.5, 10.0.0.6, 10.0.0.7 } return', 'ip6 daddr { fe80::5, fe80::6 } return'],
  ],
  ['ports of anybody', { ports: [{ port: 80 }, { protocol: 'UDP', port: 53 }] }, ['tcp dport 80 return', 'udp dport 53 return']],
  ['a range of ports', { ports: [{ port: 8000, endPort: 8010 }] }, ['tcp dport 8000-8010 return']],
  ['a protocol', { ports: [{ protocol: 'SCTP' }] }, ['meta l4proto sctp return']],
  [
    'each peer on each port',
    { to: [{ ipBlock: { cidr: '10.1.0.0/16' } }, { ipBlock: { cidr: '10.2.0.0/16' } }], ports: [{ port: 80 }, { port: 443 }] },
    ['10.1.0.0/16 tcp dport 80', '10.1.0.0/16 tcp dport 443', '10.2.0.0/16 tcp dport 80', '10.2.0.0/16 tcp dport 443'].map(
      (rule) => `ip daddr ${rule} return`,
    ),
  ],
  ['everybody', {}, ['return']],
])('egress to %s', (_what, rule, lines) => {
  expect(allowed(egress(rule), 'egress')).toEqual([...lines, 'drop']);
});

test('ingress looks at where a packet comes from, also in the form that the client lists', () => {
  const from = [{ namespaceSelector: {}, podSelector: { matchLabels: { app: 'gateway' } } }];
  const expected = ['ip saddr { 10.0.0.6 } tcp dport 80 return', 'ip6 saddr { fe80::6 } tcp dport 80 return', 'drop'];
  expect(allowed({ ...onlyRun, ingress: [{ from, ports: [{ port: 80 }] }] }, 'ingress')).toEqual(expected);
  expect(allowed({ ...onlyRun, ingress: [{ _from: from, ports: [{ port: 80 }] }] }, 'ingress')).toEqual(expected);
});

test.each([
  ['In', { key: 'app', operator: 'In', values: ['run', 'gateway'] }, [0]],
  ['NotIn', { key: 'tier', operator: 'NotIn', values: ['low'] }, [0]],
  ['Exists', { key: 'tier', operator: 'Exists' }, [2]],
  ['DoesNotExist', { key: 'tier', operator: 'DoesNotExist' }, [0]],
])('a selector by %s', (_operator, expression, indexes) => {
  const ruleset = rulesetOf(world({ podSelector: { matchExpressions: [expression] } }));
  expect([0, 1, 2].filter((index) => chain(ruleset, `ingress_${index}`) !== null)).toEqual(indexes);
});

test('what several policies allow a pod adds up', () => {
  const ruleset = rulesetOf(world(egress({ ports: [{ port: 80 }] }), egress({ ports: [{ port: 443 }] }), egress()));
  expect(chain(ruleset, 'egress_0')).toEqual(['tcp dport 80 return', 'tcp dport 443 return', 'drop']);
});

test.each([
  ['a port by its name', egress({ ports: [{ port: 'http' }] })],
  ['an unknown operator', { podSelector: { matchExpressions: [{ key: 'app', operator: 'Like', values: ['run'] }] } }],
  ['an unknown field of a peer', egress({ to: [{ serviceSelector: {} }] })],
  ['an unknown field of a rule', egress({ paths: ['/'] })],
  ['an unknown field of the policy', { ...onlyRun, priority: 1 }],
  ['an unknown protocol', egress({ ports: [{ protocol: 'ICMP' }] })],
])('%s is refused', (_what, spec) => {
  expect(() => policy(spec)).toThrow(UnsupportedPolicyError);
});

test('where policies cannot be enforced no pod speaks to anybody', () => {
  const ruleset = closedRuleset('cni0');
  expect(chain(ruleset, 'forward')).toEqual(expect.arrayContaining(['iifname "cni0" drop', 'oifname "cni0" drop']));
  expect(chain(ruleset, 'input')).toContain('iifname "cni0" drop');
});

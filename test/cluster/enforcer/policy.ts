import { z } from 'zod';

const labelsSchema = z.record(z.string(), z.string());

const selectorSchema = z.strictObject({
  matchLabels: labelsSchema.default({}),
  matchExpressions: z
    .array(
      z.strictObject({
        key: z.string(),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: z.array(z.string()).default([]),
      }),
    )
    .default([]),
});
export type Selector = z.output<typeof selectorSchema>;
export type Labels = z.output<typeof labelsSchema>;

const peerSchema = z.strictObject({
  ipBlock: z.strictObject({ cidr: z.string(), except: z.array(z.string()).default([]) }).optional(),
  podSelector: selectorSchema.optional(),
  namespaceSelector: selectorSchema.optional(),
});
export type Peer = z.output<typeof peerSchema>;

const portSchema = z.strictObject({
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
  port: z.int({ error: 'a port by its name is not supported by the test enforcer' }).optional(),
  endPort: z.int().optional(),
});
export type Port = z.output<typeof portSchema>;

const peersSchema = z.array(peerSchema).default([]);
const portsSchema = z.array(portSchema).default([]);

/** The client's lists call the field `_from`, its watches what it is called on the wire. */
const withFrom = (rule: unknown): unknown => {
  if (typeof rule !== 'object' || rule === null || !('_from' in rule)) return rule;
  const { _from: from, ...rest } = rule;
  return { from, ...rest };
};

const networkPolicySchema = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z.strictObject({
    podSelector: selectorSchema,
    policyTypes: z.array(z.enum(['Ingress', 'Egress'])).optional(),
    ingress: z.array(z.preprocess(withFrom, z.strictObject({ from: peersSchema, ports: portsSchema }))).optional(),
    egress: z.array(z.strictObject({ to: peersSchema, ports: portsSchema })).optional(),
  }),
});
export type Direction = 'ingress' | 'egress';

/** Who may be spoken to on which ports; no peers or no ports: all of them. */
export interface PolicyRule {
  readonly peers: readonly Peer[];
  readonly ports: readonly Port[];
}

export interface Policy {
  readonly name: string;
  readonly namespace: string;
  readonly podSelector: Selector;
  /** Present where the policy isolates that direction. */
  readonly ingress?: readonly PolicyRule[];
  readonly egress?: readonly PolicyRule[];
}

/** The enforcer can't do what a policy asks for; nothing of it is left out in silence. */
export class UnsupportedPolicyError extends Error {
  override readonly name = 'UnsupportedPolicyError';
}

/** Reads a NetworkPolicy as it stands on the wire; throws `UnsupportedPolicyError`. */
export const readPolicy = (object: unknown): Policy => {
  const parsed = networkPolicySchema.safeParse(object);
  if (!parsed.success)
    throw new UnsupportedPolicyError(`the test enforcer can't enforce this NetworkPolicy: ${z.prettifyError(parsed.error)}`);
  const { metadata, spec } = parsed.data;
  // What Kubernetes does where the types are not given.
  const types = spec.policyTypes ?? ['Ingress', ...(spec.egress === undefined ? [] : ['Egress'])];
  return {
    ...metadata,
    podSelector: spec.podSelector,
    ...(types.includes('Ingress') && { ingress: (spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports })) }),
    ...(types.includes('Egress') && { egress: (spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports })) }),
  };
};

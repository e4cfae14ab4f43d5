import { type ClusterConnection, ClusterRefusedError } from './connection.ts';

/** Where each kind stands in the API. */
const GROUPS = { secret: '/api/v1', pod: '/api/v1', job: '/apis/batch/v1' } as const;

export interface Removable {
  readonly kind: keyof typeof GROUPS;
  readonly name: string;
}

export const isRemovable = (kind: string): kind is Removable['kind'] => Object.hasOwn(GROUPS, kind);

/** Removes what has this name in the namespace, a Job with its pods. Idempotent. */
export const removeNamed = async (
  cluster: Pick<ClusterConnection, 'request'>,
  namespace: string,
  { kind, name }: Removable,
): Promise<void> => {
  try {
    const body = { propagationPolicy: 'Background' };
    await cluster.request('DELETE', `${GROUPS[kind]}/namespaces/${namespace}/${kind}s/${name}`, { body });
  } catch (error) {
    if (!(error instanceof ClusterRefusedError) || error.reason !== 'NotFound') throw error;
  }
};

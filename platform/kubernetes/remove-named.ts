import { type ClusterConnection, ClusterRefusedError } from './connection.ts';

export const REMOVABLE = ['secret', 'pod'] as const;

export interface Removable {
  readonly kind: (typeof REMOVABLE)[number];
  readonly name: string;
}

export const isRemovable = (kind: string): kind is Removable['kind'] => REMOVABLE.some((one) => one === kind);

/** Removes what has this name in the namespace. Idempotent. */
export const removeNamed = async (
  cluster: Pick<ClusterConnection, 'request'>,
  namespace: string,
  { kind, name }: Removable,
): Promise<void> => {
  try {
    await cluster.request('DELETE', `/api/v1/namespaces/${namespace}/${kind}s/${name}`);
  } catch (error) {
    if (!(error instanceof ClusterRefusedError) || error.reason !== 'NotFound') throw error;
  }
};

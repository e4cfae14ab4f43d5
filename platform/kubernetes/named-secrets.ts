import { type ClusterConnection, ClusterRefusedError } from './connection.ts';

/** Secrets that are known by their names, in one namespace. Nothing of them is ever read but whether they are there. */
export interface NamedSecrets {
  exists(name: string): Promise<boolean>;
  /** False where one of that name was there first; it is left as it is. */
  create(name: string, values: Readonly<Record<string, string>>): Promise<boolean>;
}

const LABELS = { 'app.kubernetes.io/part-of': 'codebay', 'app.kubernetes.io/component': 'hooks' };

const falseIf = async (reason: string, action: () => Promise<unknown>): Promise<boolean> => {
  try {
    await action();
    return true;
  } catch (error) {
    if (error instanceof ClusterRefusedError && error.reason === reason) return false;
    throw error;
  }
};

export const createNamedSecrets = (cluster: Pick<ClusterConnection, 'request'>, namespace: string): NamedSecrets => {
  const path = `/api/v1/namespaces/${namespace}/secrets`;
  return {
    exists: (name) => falseIf('NotFound', () => cluster.request('GET', `${path}/${name}`)),
    create: (name, values) => {
      const metadata = { name, namespace, labels: LABELS };
      const body = { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata, stringData: values };
      return falseIf('AlreadyExists', () => cluster.request('POST', path, { body }));
    },
  };
};

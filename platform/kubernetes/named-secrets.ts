import { type ClusterConnection, ClusterRefusedError } from './connection.ts';

/** Secrets that are known by their names, in one namespace. Nothing of them is ever read but whether they are there. */
export interface NamedSecrets {
  exists(name: string): Promise<boolean>;
  /** False where one of that name was there first; it is left as it is. */
  create(name: string, values: Readonly<Record<string, string>>): Promise<boolean>;
  /** Idempotent. */
  remove(name: string): Promise<void>;
}

const LABELS = { 'app.kubernetes.io/part-of': 'codebay', 'app.kubernetes.io/component': 'hooks' };

const unless = async <T>(reason: string, otherwise: T, action: () => Promise<T>): Promise<T> => {
  try {
    return await action();
  } catch (error) {
    if (error instanceof ClusterRefusedError && error.reason === reason) return otherwise;
    throw error;
  }
};

export const createNamedSecrets = (cluster: Pick<ClusterConnection, 'request'>, namespace: string): NamedSecrets => {
  const path = `/api/v1/namespaces/${namespace}/secrets`;
  return {
    exists: (name) =>
      unless('NotFound', false, async () => {
        await cluster.request('GET', `${path}/${name}`);
        return true;
      }),
    create: (name, values) =>
      unless('AlreadyExists', false, async () => {
        const metadata = { name, namespace, labels: LABELS };
        await cluster.request('POST', path, { body: { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata, stringData: values } });
        return true;
      }),
    remove: (name) =>
      unless('NotFound', undefined, async () => {
        await cluster.request('DELETE', `${path}/${name}`);
      }),
  };
};

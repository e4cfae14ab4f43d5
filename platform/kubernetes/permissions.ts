import { z } from 'zod';
import { type ClusterConnection, ClusterRefusedError } from './connection.ts';

interface Permission {
  readonly group: string;
  readonly resource: string;
  readonly verbs: readonly string[];
}

/** All that a worker may do in the runs' namespace, and all that it needs. */
export const WORKER_PERMISSIONS: readonly Permission[] = [
  { group: 'batch', resource: 'jobs', verbs: ['create', 'get', 'list', 'watch', 'delete'] },
  { group: '', resource: 'pods', verbs: ['get', 'list', 'watch'] },
  { group: '', resource: 'events', verbs: ['list'] },
  { group: '', resource: 'secrets', verbs: ['create', 'delete'] },
];

const versionSchema = z.object({ gitVersion: z.string(), major: z.string(), minor: z.string() });
const reviewSchema = z.object({ status: z.object({ allowed: z.boolean() }) });

/** Which version the API server says it is, such as `{name: 'v1.34.4', minor: 34}`. */
export const clusterVersion = async (cluster: ClusterConnection): Promise<{ readonly name: string; readonly minor: number }> => {
  const { gitVersion, minor } = versionSchema.parse(await cluster.request('GET', '/version'));
  return { name: gitVersion, minor: Number.parseInt(minor, 10) };
};

/** False where it surely isn't there; who may not look takes it for there. */
export const namespaceExists = async (cluster: ClusterConnection, namespace: string): Promise<boolean> => {
  try {
    await cluster.request('GET', `/api/v1/namespaces/${namespace}`);
    return true;
  } catch (error) {
    if (error instanceof ClusterRefusedError) return error.status !== 404;
    throw error;
  }
};

/** What of `WORKER_PERMISSIONS` this user lacks, as `verb resource`. */
export const missingPermissions = async (cluster: ClusterConnection, namespace: string): Promise<readonly string[]> => {
  const asked = WORKER_PERMISSIONS.flatMap(({ group, resource, verbs }) => verbs.map((verb) => ({ group, resource, verb })));
  const answers = await Promise.all(
    asked.map(async (attributes) => {
      const body = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { namespace, ...attributes } },
      };
      return reviewSchema.parse(await cluster.request('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { body })).status
        .allowed;
    }),
  );
  return asked.filter((_, index) => answers[index] === false).map(({ verb, resource }) => `${verb} ${resource}`);
};

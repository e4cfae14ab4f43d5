import {
  type ClusterConnection,
  ClusterRefusedError,
  ClusterUnavailableError,
  connectCluster,
  KubeConfigError,
  loadKubeConfig,
} from '../../platform/kubernetes/connection.ts';
import { clusterVersion, missingPermissions, namespaceExists } from '../../platform/kubernetes/permissions.ts';
import type { Settings } from '../../platform/settings.ts';
import { broken, type Check, type Finding, ok, warning } from './check.ts';

/** The first one whose Jobs end for good by a failure policy that is more than a preview. */
const OLDEST_MINOR = 31;

const cluster = async (connection: ClusterConnection): Promise<Finding> => {
  try {
    const { name, minor } = await clusterVersion(connection);
    return minor < OLDEST_MINOR
      ? warning(`${name}; made for 1.${OLDEST_MINOR} and newer`, 'Upgrade the cluster if runs are started twice or never end.')
      : ok(name);
  } catch (error) {
    if (error instanceof ClusterUnavailableError) return broken('the API server does not answer', 'Check KUBECONFIG and the network.');
    if (error instanceof ClusterRefusedError)
      return broken(`the API server refuses this user: ${error.message}`, 'Check the credential in KUBECONFIG.');
    throw error;
  }
};

const namespace = async (connection: ClusterConnection, name: string): Promise<Finding> => {
  try {
    if (!(await namespaceExists(connection, name)))
      return broken(`there is no namespace ${name}`, 'Install the Helm chart, or name another one by CODEBAY_KUBERNETES_NAMESPACE.');
    const missing = await missingPermissions(connection, name);
    return missing.length === 0
      ? ok(`runs may be started in ${name}`)
      : broken(`in ${name} this user may not: ${missing.join(', ')}`, "Give it the chart's role codebay-worker in that namespace.");
  } catch (error) {
    if (error instanceof ClusterUnavailableError || error instanceof ClusterRefusedError)
      return broken(`what may be done in ${name} can't be told`, 'Mend the cluster first.');
    throw error;
  }
};

/** What runs need of a cluster. */
export const clusterChecks = (settings: Settings): readonly Check[] => {
  try {
    const connection = connectCluster(loadKubeConfig());
    return [
      { name: 'Cluster', look: () => cluster(connection) },
      { name: 'Namespace', look: () => namespace(connection, settings.CODEBAY_KUBERNETES_NAMESPACE) },
    ];
  } catch (error) {
    if (!(error instanceof KubeConfigError)) throw error;
    const { message } = error;
    return [{ name: 'Cluster', look: async () => broken(message, 'Check KUBECONFIG.') }];
  }
};

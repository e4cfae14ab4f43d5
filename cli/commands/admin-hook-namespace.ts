import {
  type ClusterConnection,
  ClusterRefusedError,
  ClusterUnavailableError,
  connectCluster,
  loadKubeConfig,
} from '../../platform/kubernetes/connection.ts';
import { CliError, EXIT } from '../cli-error.ts';

/** For the hooks of the Helm chart: the cluster and the namespace that their pod runs in. Turns the cluster's refusals into a `CliError`. */
export const inHookNamespace = async (use: (cluster: ClusterConnection, namespace: string) => Promise<void>): Promise<number> => {
  const config = loadKubeConfig();
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
  try {
    await use(connectCluster(config), namespace);
    return EXIT.done;
  } catch (cause) {
    if (!(cause instanceof ClusterRefusedError || cause instanceof ClusterUnavailableError)) throw cause;
    const remedy = 'This command is for the hooks of the Helm chart, whose service account may do it.';
    throw new CliError(`the cluster does not do it: ${cause.message}.`, remedy, EXIT.station, { cause });
  }
};

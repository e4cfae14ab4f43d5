import { connectDocker, DockerUnavailableError } from '../../platform/docker/engine.ts';
import { ensureNetwork } from '../../platform/docker/network.ts';
import { CliError } from '../cli-error.ts';

/**
 * The address where the gateway of a station on Docker listens: this machine's own on the network of the runs. Undefined where the engine is in
 * another machine, which leads its containers to this one's loopback.
 */
export const dockerGatewayHost = async (): Promise<string | undefined> => {
  try {
    return (await ensureNetwork(connectDocker())) ?? undefined;
  } catch (error) {
    if (!(error instanceof DockerUnavailableError)) throw error;
    throw new CliError('the Docker engine does not answer (CODEBAY_RUNNER=docker).', 'Start it, or see `codebay doctor`.');
  }
};

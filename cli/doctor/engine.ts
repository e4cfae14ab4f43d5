import type Docker from 'dockerode';
import { asked, askedUnless, connectDocker, DockerRefusedError, DockerUnavailableError } from '../../platform/docker/engine.ts';
import type { Settings } from '../../platform/settings.ts';
import { broken, type Check, type Finding, ok, warning } from './check.ts';

interface EngineInfo {
  readonly ServerVersion: string;
  readonly OSType: string;
  readonly MemoryLimit: boolean;
  readonly PidsLimit: boolean;
  readonly CpuCfsQuota: boolean;
}

/** Null where the engine doesn't answer; it says so by itself. */
const elseNull = (error: unknown): null => {
  if (error instanceof DockerUnavailableError) return null;
  throw error;
};

const engine = async (docker: Docker): Promise<Finding> => {
  try {
    const { ServerVersion: version, OSType: system, ...bounds }: EngineInfo = await asked(docker.info());
    if (system !== 'linux') return broken(`${version} runs ${system} containers`, 'Switch the engine to Linux containers.');
    const unbounded = [
      ...(bounds.MemoryLimit ? [] : ['memory']),
      ...(bounds.PidsLimit ? [] : ['processes']),
      ...(bounds.CpuCfsQuota ? [] : ['cores']),
    ];
    return unbounded.length === 0
      ? ok(`Docker ${version}`)
      : warning(`Docker ${version}, which can't bound a run's ${unbounded.join(', ')}`, 'Give the engine the cgroup controllers it lacks.');
  } catch (error) {
    if (error instanceof DockerUnavailableError)
      return broken('the Docker engine does not answer', 'Start it, let this user reach its socket, or name another one by DOCKER_HOST.');
    if (error instanceof DockerRefusedError) return broken(`the Docker engine refuses: ${error.message}`, 'Check DOCKER_HOST.');
    throw error;
  }
};

const images = async (docker: Docker, settings: Settings): Promise<Finding> => {
  const { CODEBAY_SIDECAR_IMAGE: sidecar, CODEBAY_AGENT_IMAGE: agent } = settings;
  if (sidecar === undefined || agent === undefined)
    return broken('CODEBAY_SIDECAR_IMAGE or CODEBAY_AGENT_IMAGE is not set', 'Name both; `npm run images` builds them.');
  const missing: string[] = [];
  for (const image of new Set([sidecar, agent, ...Object.values(settings.CODEBAY_AGENT_IMAGES)])) {
    if ((await askedUnless([404], docker.getImage(image).inspect())) === null) missing.push(image);
  }
  return missing.length === 0
    ? ok('all are here')
    : broken(`not on the engine: ${missing.join(', ')}`, '`docker pull` or `docker load` them; runs pull nothing by themselves.');
};

/** What runs need of a Docker engine. */
export const engineChecks = (settings: Settings): readonly Check[] => {
  const docker = connectDocker();
  return [
    { name: 'Engine', look: () => engine(docker) },
    {
      name: 'Images',
      look: async () =>
        (await images(docker, settings).catch(elseNull)) ?? broken("which ones it has can't be told", 'Mend the engine first.'),
    },
  ];
};

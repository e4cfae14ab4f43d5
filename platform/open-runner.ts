import type { Runner } from '../tasks/ports/runner.ts';
import type { WatchLog } from './kubernetes/list-watch.ts';
import { createSandboxRunner } from './sandbox/runner.ts';
import { dataPaths, type Settings, SettingsError } from './settings.ts';

export interface OpenedRunner {
  readonly runner: Runner;
  /** Its runs are this machine's, and nobody's when the machine is gone. */
  readonly local: boolean;
  close(): void;
}

const MiB = 1024 * 1024;

const imageOf = (settings: Settings, name: 'CODEBAY_SIDECAR_IMAGE' | 'CODEBAY_AGENT_IMAGE'): string => {
  const image = settings[name];
  if (image === undefined) throw new SettingsError(`${name}: is needed with CODEBAY_RUNNER=${settings.CODEBAY_RUNNER}`);
  return image;
};

/** The images of the station's runs. Throws `SettingsError` where one isn't set. */
export const runImagesOf = (settings: Settings) => ({
  sidecar: imageOf(settings, 'CODEBAY_SIDECAR_IMAGE'),
  agent: imageOf(settings, 'CODEBAY_AGENT_IMAGE'),
});

/** The cluster's client is loaded only where it is used. */
const openCluster = async () => {
  const { connectCluster, KubeConfigError, loadKubeConfig } = await import('./kubernetes/connection.ts');
  try {
    const config = loadKubeConfig();
    return { cluster: connectCluster(config), server: config.getCurrentCluster()?.server ?? '' };
  } catch (error) {
    if (error instanceof KubeConfigError) throw new SettingsError(`KUBECONFIG: ${error.message}`, { cause: error });
    throw error;
  }
};

const openKubernetes = async (settings: Settings, log: WatchLog): Promise<OpenedRunner> => {
  const images = runImagesOf(settings);
  const [{ cluster, server }, { createKubernetesRunner }, { forbiddenOf }, { lookup }] = await Promise.all([
    openCluster(),
    import('./kubernetes.ts'),
    import('./kubernetes/forbidden.ts'),
    import('node:dns/promises'),
  ]);
  const pod = settings.CODEBAY_KUBERNETES_POD;
  const runner = createKubernetesRunner({
    cluster,
    namespace: settings.CODEBAY_KUBERNETES_NAMESPACE,
    installation: settings.CODEBAY_INSTALLATION,
    template: {
      images,
      shares: {
        cpuRequest: settings.CODEBAY_RUN_CPU_REQUEST,
        cpuLimit: settings.CODEBAY_RUN_CPU,
        memoryRequestBytes: settings.CODEBAY_RUN_MEMORY_REQUEST_MB * MiB,
      },
      pullSecrets: pod.pull_secrets,
      nodeSelector: pod.node_selector,
      tolerations: pod.tolerations,
      priorityClass: pod.priority_class,
      runtimeClass: pod.runtime_class,
      codeStorageClass: pod.code_storage_class,
    },
    labels: pod.labels,
    annotations: pod.annotations,
    bounds: { pendingMs: settings.CODEBAY_RUN_PENDING_SECONDS * 1000, startMs: settings.CODEBAY_RUN_START_SECONDS * 1000 },
    forbidden: await forbiddenOf(settings.CODEBAY_RUN_FORBIDDEN, server),
    resolve: async (hostname) => (await lookup(hostname, { family: 4 })).address,
    log,
  });
  return { runner, local: false, close: runner.close };
};

const openDocker = async (settings: Settings): Promise<OpenedRunner> => {
  const images = runImagesOf(settings);
  const [{ connectDocker }, { createDockerRunner }, { stationOf }] = await Promise.all([
    import('./docker/engine.ts'),
    import('./docker.ts'),
    import('./docker/names.ts'),
  ]);
  const runner = createDockerRunner({
    engine: connectDocker(),
    station: stationOf(settings.CODEBAY_INSTALLATION, settings.CODEBAY_DATA),
    images,
    cpus: settings.CODEBAY_RUN_CPU,
    startMs: settings.CODEBAY_RUN_START_SECONDS * 1000,
    forbidden: settings.CODEBAY_RUN_FORBIDDEN.filter((address) => address !== 'api-server' && address !== 'none'),
  });
  return { runner, local: true, close: () => undefined };
};

/** The runner that CODEBAY_RUNNER names. The client of a cluster or an engine is loaded only where it is used. Throws `SettingsError`. */
export const openRunner = async (
  settings: Settings,
  log: WatchLog & { warn(sentence: string): void },
  installDir: string,
): Promise<OpenedRunner> => {
  if (settings.CODEBAY_RUNNER === 'kubernetes') return await openKubernetes(settings, log);
  if (settings.CODEBAY_RUNNER === 'docker') return await openDocker(settings);
  const runner = createSandboxRunner({
    runsDir: dataPaths(settings.CODEBAY_DATA).runs,
    installDir,
    isolation: settings.CODEBAY_ISOLATION,
    node: process.execPath,
    readable: settings.CODEBAY_RUN_READABLE,
    warn: (sentence) => log.warn(sentence),
  });
  return { runner, local: true, close: () => undefined };
};

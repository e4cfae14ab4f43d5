import { join } from 'node:path';
import { moduleCache } from '../../platform/module-cache.ts';
import { identifyProcess, type ProcessIdentity } from '../../platform/sandbox/process-identity.ts';
import { dataPaths } from '../../platform/settings.ts';
import { apiEnvironment, temporalEnvironment, workerEnvironment } from './environment.ts';
import type { StationPlan } from './plan.ts';
import { type ProcessName, type StationFile, writeStationFile } from './station-file.ts';
import { createSupervisedProcess, type SupervisedProcess, saysReady } from './supervised-process.ts';
import { temporalArguments, temporalIsReady } from './temporal-server.ts';

const READY_MS = 30_000;
/** The worker drains for at most 20 s, then checkpoints and stops its runs; the others have nothing that takes long. */
const GRACE_MS = { worker: 35_000, api: 10_000, temporal: 10_000 } as const satisfies Record<ProcessName, number>;

export interface Station {
  /** Resolves when all of it is ready; after a failure `stop` ends what had started. */
  start(): Promise<void>;
  /** Worker first, because it needs the other two to stop its runs in order. Nothing is left running. */
  stop(hurry: AbortSignal): Promise<void>;
}

export interface StationOptions {
  readonly plan: StationPlan;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder of this installation. */
  readonly root: string;
  readonly say: (line: string) => void;
}

/** API, worker and Temporal server of one data folder, each a process of its own with exactly the environment it needs. */
export const createStation = ({ plan, env, root, say }: StationOptions): Station => {
  const data = plan.settings.CODEBAY_DATA;
  const paths = dataPaths(data);
  const processes: Partial<Record<ProcessName, ProcessIdentity>> = {};

  const record = (change: Pick<StationFile, 'up' | 'ready'>): void =>
    writeStationFile(paths.station, {
      version: 1,
      url: plan.url,
      gateway_url: plan.gatewayUrl,
      temporal_address: plan.temporalAddress,
      temporal_ui: plan.temporalCli === null ? null : `http://127.0.0.1:${plan.ports.temporal_ui}`,
      ports: plan.ports,
      processes,
      ...change,
    });

  let ready = false;
  let stopping = false;
  const self = identifyProcess(process.pid);
  const supervise = (
    name: ProcessName,
    command: readonly [string, ...string[]],
    environment: Readonly<Record<string, string>>,
    isReady: (output: string) => boolean,
  ): SupervisedProcess =>
    createSupervisedProcess({
      name,
      command,
      env: environment,
      cwd: root,
      logFile: join(paths.logs, `${name}.log`),
      isReady,
      say,
      onStarted: (identity) => {
        if (identity === null) delete processes[name];
        else processes[name] = identity;
        record({ up: self, ready });
      },
    });

  const node = process.execPath;
  const overrides = { ...plan.overrides, NODE_COMPILE_CACHE: moduleCache(root) };
  const temporal =
    plan.temporalCli === null
      ? null
      : supervise(
          'temporal',
          [plan.temporalCli, ...temporalArguments(plan.ports, paths.temporal)],
          temporalEnvironment(env),
          temporalIsReady,
        );
  const api = supervise('api', [node, join(root, 'api/server.ts'), data], apiEnvironment(env, overrides), saysReady);
  const worker = supervise('worker', [node, join(root, 'temporal/worker.ts'), data], workerEnvironment(env, overrides), saysReady);

  return {
    async start() {
      // The worker wants a namespace to connect to; the API takes tasks without one.
      const afterTemporal = async (): Promise<void> => {
        await temporal?.start(READY_MS);
        await worker.start(READY_MS);
      };
      await Promise.all([api.start(READY_MS), afterTemporal()]);
      if (stopping) return;
      ready = true;
      record({ up: self, ready });
    },
    async stop(hurry) {
      stopping = true;
      ready = false;
      await worker.stop(GRACE_MS.worker, hurry);
      await api.stop(GRACE_MS.api, hurry);
      await temporal?.stop(GRACE_MS.temporal, hurry);
      for (const name of ['worker', 'api', 'temporal'] as const) delete processes[name];
      record({ up: null, ready });
    },
  };
};

import type Docker from 'dockerode';
import { isRunId } from '../tasks/ids.ts';
import type { Runner } from '../tasks/ports/runner.ts';
import type { ContainerOptions } from './docker/containers.ts';
import { asked } from './docker/engine.ts';
import { gatewayUrlInside } from './docker/gateway-address.ts';
import { ensureNetwork, NETWORK } from './docker/network.ts';
import { observationOf } from './docker/run-end.ts';
import { createRunObjects } from './docker/run-objects.ts';

export interface DockerRunnerOptions extends Pick<ContainerOptions, 'station' | 'images' | 'cpus'> {
  readonly engine: Docker;
  /** How long the containers of a run may take to be started, by whoever does it. */
  readonly startMs: number;
  /** `host:port` that no run may reach, beside what its order names. */
  readonly forbidden: readonly string[];
}

/** The sidecar's clock ends a run; this much later it is taken to hang. */
const DEADLINE_SLACK_MS = 10 * 60_000;
/** How long a fact that comes by time alone, or from another part than the sidecar, may go unnoticed. */
const LOOK_AGAIN_MS = 1_000;

/**
 * Runs as containers of a Docker engine, those of one run sharing volumes and nothing else. Only the sidecar has a network. Names come from the
 * run, so that whoever starts it again finds what is there; a run is begun once its sidecar is started, which is last.
 */
export const createDockerRunner = (options: DockerRunnerOptions): Runner => {
  const { engine, station, images, startMs } = options;
  const objects = createRunObjects(engine, station);
  const inTurn = createTurns();
  let cpus: Promise<number> | undefined;

  const checked = (runId: string): string => {
    if (!isRunId(runId)) throw new Error(`Not a run id: ${runId}`);
    return runId;
  };

  /** The engine refuses a container that asks for more cores than there are. */
  const cpusOf = (): Promise<number> => {
    cpus ??= asked(engine.info()).then(({ NCPU }: { NCPU: number }) => Math.min(options.cpus, NCPU));
    cpus.catch(() => {
      cpus = undefined;
    });
    return cpus;
  };

  return {
    start: (given) =>
      inTurn(checked(given.runId), async () => {
        const { runId, limits } = given;
        if (await objects.hasBegun(runId)) return;
        await objects.requireImages([images.sidecar, given.image ?? images.agent]);
        const order = {
          ...given,
          gatewayUrl: gatewayUrlInside(given.gatewayUrl, await ensureNetwork(engine)),
          forbidden: [...(given.forbidden ?? []), ...options.forbidden],
        };
        const deadline = Date.now() + limits.timeMs + limits.setupTimeMs + startMs + DEADLINE_SLACK_MS;
        await objects.make(order, { station, images, cpus: await cpusOf(), network: NETWORK, deadline });
        await objects.readyFolders(order);
        await objects.startParts(runId);
      }),

    observe: async (runId, { waitMs = 0, signal } = {}) => {
      const until = Date.now() + waitMs;
      for (;;) {
        const observation = observationOf(await objects.see(checked(runId)), startMs, Date.now());
        const leftMs = until - Date.now();
        if (observation.state !== 'running' || leftMs <= 0 || signal?.aborted) return observation;
        await objects.untilEnd(runId, Math.min(leftMs, LOOK_AGAIN_MS), signal);
      }
    },

    stop: (runId, graceMs) => inTurn(checked(runId), () => objects.stop(runId, graceMs)),
    remove: (runId) => inTurn(checked(runId), () => objects.remove(runId)),
    list: () => objects.runIds(),
  };
};

/** Does what concerns one run one after the other: a start takes many calls, and what ends the run must not come between them. */
const createTurns = () => {
  const last = new Map<string, Promise<unknown>>();
  return <T>(runId: string, work: () => Promise<T>): Promise<T> => {
    const before = last.get(runId) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(work);
    last.set(runId, turn);
    const forget = (): void => {
      if (last.get(runId) === turn) last.delete(runId);
    };
    turn.then(forget, forget);
    return turn;
  };
};

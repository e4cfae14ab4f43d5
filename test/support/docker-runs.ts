import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import { LABELS } from '../../platform/docker/names.ts';
import { createDockerRunner, type DockerRunnerOptions } from '../../platform/docker.ts';
import type { Runner } from '../../tasks/ports/runner.ts';
import { holdDocker } from './docker-engine.ts';
import { STAND_IN, withStandInImages } from './stand-in-run.ts';

/** A real engine with the stand-in images, and runners on it. */
export const startDockerRuns = async () => {
  const held = await holdDocker();
  await withStandInImages((tar) => held.docker(['load', '--input', tar]));
  const station = `test-${randomUUID().slice(0, 8)}`;
  const filters = (runId: string) => ({ label: [`${LABELS.run}=${runId}`] });
  return {
    engine: held.client,
    docker: held.docker,
    station,
    runner: (change: Partial<DockerRunnerOptions> = {}): Runner =>
      createDockerRunner({
        engine: held.client,
        station,
        images: { sidecar: STAND_IN, agent: STAND_IN },
        cpus: 1,
        startMs: 60_000,
        forbidden: [],
        ...change,
      }),
    containers: (runId: string): Promise<Docker.ContainerInfo[]> => held.client.listContainers({ all: true, filters: filters(runId) }),
    volumes: async (runId: string) => (await held.client.listVolumes({ filters: filters(runId) })).Volumes ?? [],
    part: (runId: string, part: string): Docker.Container => held.client.getContainer(`${station}-${runId}-${part}`),
    [Symbol.asyncDispose]: () => held.release(),
  };
};
export type DockerRuns = Awaited<ReturnType<typeof startDockerRuns>>;

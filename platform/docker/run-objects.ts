import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { FailureError } from '../../tasks/failure.ts';
import { isRunId } from '../../tasks/ids.ts';
import type { RunOrder } from '../../tasks/run.ts';
import { POD_GID, POD_UIDS } from '../pod/layout.ts';
import { type ContainerOptions, containerOf, ORDER_FOLDER, volumesOf } from './containers.ts';
import { asked, askedUnless, DockerRefusedError } from './engine.ts';
import { containerName, DOCKER_PARTS, type DockerPart, LABELS, labelled } from './names.ts';
import type { SeenPart, SeenRun } from './run-end.ts';

const GONE = [404];
const STANDS_ALREADY = [304];
/** Its removal is under way, or a container that is being removed still holds the volume. */
const UNDER_WAY = [404, 409];
const LAST_LINES = 20;

const stateOf = (state: string): SeenPart['state'] =>
  state === 'created' ? 'created' : state === 'exited' || state === 'dead' ? 'exited' : 'running';

const isPart = (value: string | undefined): value is DockerPart => DOCKER_PARTS.some((part) => part === value);

/** A no of the engine's to what it was asked for, which the same question would get again. */
const refusedAs =
  (reason: 'RUN_REFUSED' | 'RUN_NOT_STARTED') =>
  (error: unknown): never => {
    if (error instanceof DockerRefusedError && error.status < 500) throw new FailureError(reason, error.message, { cause: error });
    throw error;
  };

/** As `Promise.all`, but that nothing is under way any more when it rejects: a removal that follows finds all there is. */
const allOver = async (calls: readonly Promise<unknown>[]): Promise<void> => {
  const failed = (await Promise.allSettled(calls)).find((call) => call.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
};

/** Reads and writes of what the engine holds of single runs of a station. */
export const createRunObjects = (engine: Docker, station: string) => {
  const container = (runId: string, part: DockerPart): Docker.Container => engine.getContainer(containerName(station, runId, part));
  const containersOf = (runId?: string): Promise<Docker.ContainerInfo[]> =>
    asked(engine.listContainers({ all: true, filters: labelled(station, runId) }));
  const volumesIn = async (runId?: string): Promise<readonly Docker.VolumeInspectInfo[]> =>
    (await asked(engine.listVolumes({ filters: labelled(station, runId) }))).Volumes ?? [];

  /** Each piece of a log has a header of 8 bytes, of which the last four are its length. */
  const logOf = async (runId: string, stream: 'stdout' | 'stderr', tail: number): Promise<string> => {
    const log = await askedUnless(GONE, container(runId, 'sidecar').logs({ follow: false, [stream]: true, tail }));
    let rest = log ?? Buffer.alloc(0);
    const pieces: Buffer[] = [];
    while (rest.length >= 8) {
      const end = 8 + rest.readUInt32BE(4);
      pieces.push(rest.subarray(8, end));
      rest = rest.subarray(end);
    }
    return Buffer.concat(pieces).toString().trim();
  };

  /** Throws `FailureError` where a container of this name is somebody else's. */
  const makeContainer = async (part: DockerPart, order: RunOrder, options: ContainerOptions): Promise<void> => {
    const made = await askedUnless([409], engine.createContainer(containerOf(part, order, options))).catch(refusedAs('RUN_REFUSED'));
    if (made !== null) return;
    const found = await askedUnless(GONE, container(order.runId, part).inspect());
    if (found !== null && found.Config.Labels[LABELS.run] !== order.runId)
      throw new FailureError('RUN_REFUSED', `A container that is not this station's is called ${found.Name.slice(1)}.`);
  };

  const start = (runId: string, part: DockerPart): Promise<unknown> =>
    askedUnless(STANDS_ALREADY, container(runId, part).start()).catch(refusedAs('RUN_NOT_STARTED'));

  const seePart = async (part: DockerPart, { Id, State }: Docker.ContainerInfo): Promise<SeenPart | null> => {
    const state = stateOf(State);
    if (state === 'running') return { part, state, exitCode: 0, oomKilled: false, error: '', endedAt: 0 };
    const found = await askedUnless(GONE, engine.getContainer(Id).inspect());
    if (found === null) return null;
    const { ExitCode: exitCode, OOMKilled: oomKilled, Error: error, FinishedAt } = found.State;
    return {
      part,
      state: stateOf(found.State.Status),
      exitCode,
      oomKilled,
      error,
      endedAt: state === 'exited' ? Date.parse(FinishedAt) : 0,
    };
  };

  return {
    /** Throws `FailureError` where the engine has not all of the images: it isn't told to pull, since it knows none of the user's credentials. */
    requireImages: async (images: readonly string[]): Promise<void> => {
      for (const image of images) {
        if ((await askedUnless(GONE, engine.getImage(image).inspect())) === null)
          throw new FailureError('IMAGE_PULL', `The Docker engine has no image ${image}: \`docker pull ${image}\` brings it.`);
      }
    },
    /** Makes all that is missing of a run's volumes and containers, started or not. */
    make: async (order: RunOrder, options: ContainerOptions): Promise<void> => {
      await allOver(volumesOf(order, station).map((volume) => asked(engine.createVolume(volume))));
      await allOver(DOCKER_PARTS.map((part) => makeContainer(part, order, options)));
    },
    /** Whether the run has begun: its sidecar is started last. */
    hasBegun: async (runId: string): Promise<boolean> => {
      const sidecar = await askedUnless(GONE, container(runId, 'sidecar').inspect());
      return sidecar !== null && stateOf(sidecar.State.Status) !== 'created';
    },
    /** Puts the order where only the sidecar will find it, and gives the folders to the run's users. */
    readyFolders: async (order: RunOrder): Promise<void> => {
      const folders = container(order.runId, 'folders');
      const archive = pack();
      archive.entry({ name: 'order.json', mode: 0o400, uid: POD_UIDS.sidecar, gid: POD_GID }, JSON.stringify(order));
      archive.finalize();
      await asked(folders.putArchive(await buffer(archive), { path: ORDER_FOLDER }));
      await start(order.runId, 'folders');
      const { StatusCode } = (await asked(folders.wait())) as { StatusCode: number };
      if (StatusCode !== 0)
        throw new FailureError('RUN_NOT_STARTED', `The run's folders could not be made ready (exit code ${StatusCode}).`);
    },
    startParts: async (runId: string): Promise<void> => {
      await allOver((['disk', 'tools', 'agent'] as const).map((part) => start(runId, part)));
      await start(runId, 'sidecar');
    },
    /** Null where nothing of the run exists. */
    see: async (runId: string): Promise<SeenRun | null> => {
      const containers = await containersOf(runId);
      const [first] = containers;
      if (first === undefined) return null;
      const seen = await Promise.all(
        containers.map((found) => {
          const part = found.Labels[LABELS.part];
          return isPart(part) ? seePart(part, found) : null;
        }),
      );
      const parts = seen.filter((part) => part !== null);
      const isOver = parts.some(({ part, state }) => part === 'sidecar' && state === 'exited');
      return {
        parts,
        createdAt: Math.min(...containers.map(({ Created }) => Created * 1000)),
        deadline: Number(first.Labels[LABELS.deadline]),
        words: isOver ? await logOf(runId, 'stdout', 1) : '',
        lastLines: isOver ? await logOf(runId, 'stderr', LAST_LINES) : '',
      };
    },
    /** Resolves when the sidecar ends, when the signal aborts, or after `waitMs`. */
    untilEnd: async (runId: string, waitMs: number, signal?: AbortSignal): Promise<void> => {
      const over = AbortSignal.any([AbortSignal.timeout(waitMs), ...(signal ? [signal] : [])]);
      try {
        await container(runId, 'sidecar').wait({ condition: 'next-exit', abortSignal: over });
      } catch {
        // It isn't there yet, or the engine is away: the next look says so.
        if (!over.aborted) await once(over, 'abort');
      }
    },
    /** Tells the sidecar to end, and ends it by force after `graceMs`; then the others, which live for it alone. */
    stop: async (runId: string, graceMs: number): Promise<void> => {
      const t = Math.ceil(graceMs / 1000);
      await askedUnless([...STANDS_ALREADY, ...GONE], container(runId, 'sidecar').stop({ t }));
      // One that doesn't run: 409.
      await Promise.all(DOCKER_PARTS.map((part) => askedUnless(UNDER_WAY, container(runId, part).kill())));
    },
    remove: async (runId: string): Promise<void> => {
      const containers = await containersOf(runId);
      await Promise.all(containers.map(({ Id }) => askedUnless(UNDER_WAY, engine.getContainer(Id).remove({ force: true, v: true }))));
      await Promise.all((await volumesIn(runId)).map(({ Name }) => askedUnless(GONE, engine.getVolume(Name).remove())));
    },
    runIds: async (): Promise<readonly string[]> => {
      const [containers, volumes] = await Promise.all([containersOf(), volumesIn()]);
      const labels = [...containers, ...volumes].map(({ Labels }) => Labels?.[LABELS.run] ?? '');
      return [...new Set(labels)].filter(isRunId);
    },
  };
};

export type RunObjects = ReturnType<typeof createRunObjects>;

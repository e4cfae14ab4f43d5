import { dirname, relative } from 'node:path';
import {
  type Compartment,
  type CompartmentCommand,
  type CompartmentExit,
  type CompartmentPaths,
  CompartmentUnavailableError,
} from '../../tasks/ports/compartment.ts';
import type { RunLimits } from '../../tasks/run.ts';
import { attendWithin } from '../program.ts';
import { showSockets } from '../show-sockets.ts';
import { launchInPod } from './launch.ts';
import type { PodContainer } from './layout.ts';
import { type ExecutorLink, openLink } from './link.ts';

export interface PodCompartmentOptions {
  readonly paths: CompartmentPaths;
  /** The folders that the sidecar shares with each executor. */
  readonly control: Readonly<Record<Exclude<PodContainer, 'sidecar'>, string>>;
  readonly limits: Pick<RunLimits, 'diskBytes'>;
}

interface Place {
  readonly link: Promise<ExecutorLink>;
  /** Resolves when the command before has ended. */
  idle: Promise<unknown>;
}

const unavailable = (cause: Error): never => {
  throw new CompartmentUnavailableError(`the folder shared with an executor can't be used: ${cause.message}`, { cause });
};

/**
 * The compartment of a run's pod, seen from its sidecar: set-up, agent and verify in one container, the sidecar's own tools in another, in
 * each one command at a time. Memory, processes and folders are bounded by the pod; only a single file's size is bounded here.
 */
export const createPodCompartment = ({ paths, control, limits }: PodCompartmentOptions): Compartment => {
  const placeAt = (folder: string): Place => {
    const link = openLink(folder).catch(unavailable);
    link.catch(() => undefined);
    return { link, idle: link.catch(() => undefined) };
  };
  const places = { agent: placeAt(control.agent), tools: placeAt(control.tools) };
  const destroyed = new AbortController();
  let count = 0;
  /** Relative, as the volume may be mounted elsewhere. A command without any way out is shown a folder that isn't there. */
  const shownOf = (sockets: string | undefined): string => (sockets === undefined ? 'none' : relative(dirname(paths.sockets), sockets));

  const execute = async (container: keyof typeof places, command: CompartmentCommand): Promise<CompartmentExit> => {
    const signals = [destroyed.signal, command.signal];
    const stopped = AbortSignal.any(signals);
    const link = await places[container].link;
    try {
      await link.ready(stopped);
    } catch (error) {
      if (stopped.aborted) return { exitCode: null, cause: 'aborted' };
      throw error;
    }
    if (container === 'agent') await showSockets(paths.sockets, shownOf(command.sockets));
    count += 1;
    const program = await launchInPod({ link, paths, fileBytes: limits.diskBytes }, `c${count}`, command);
    const { exitCode, endedBy } = await attendWithin(program, command, { timeoutMs: command.timeoutMs, signals });
    if (endedBy !== null) return { exitCode, cause: endedBy };
    return { exitCode, cause: exitCode !== 0 && program.oomKills() > 0 ? 'out_of_memory' : 'finished' };
  };

  return {
    paths,
    run: (command) => {
      const container = command.side === true || command.stdin !== undefined ? 'tools' : 'agent';
      const place = places[container];
      const result = place.idle.then(() => execute(container, command));
      place.idle = result.catch(() => undefined);
      return result;
    },
    destroy: async () => {
      destroyed.abort();
      await Promise.all([places.agent.idle, places.tools.idle]);
      const links = await Promise.allSettled([places.agent.link, places.tools.link]);
      await Promise.all(links.map((link) => (link.status === 'fulfilled' ? link.value.close() : undefined)));
    },
  };
};

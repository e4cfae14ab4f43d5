import type { Compartment, CompartmentCommand, CompartmentExit } from '../../tasks/ports/compartment.ts';
import { attendWithin } from '../program.ts';
import { barePaths } from './bare.ts';
import { SANDBOX_PATHS } from './bubblewrap.ts';
import { countOomKills } from './cgroup.ts';
import { watchDisk } from './disk-watch.ts';
import { launchBare } from './launch-bare.ts';
import { launchConfined } from './launch-confined.ts';
import { killLeftovers } from './leftovers.ts';
import { type RunFolder, runFiles } from './run-folder.ts';

/** The compartment of one run, confined as its folder says. Its programs die with the process that calls this. */
export const createCompartment = (folder: Pick<RunFolder, 'path' | 'order' | 'confinement'>): Compartment => {
  const { path, confinement, order } = folder;
  const files = runFiles(path);
  const launch = confinement.mode === 'none' ? launchBare : launchConfined;
  const destroyed = new AbortController();
  const running = new Set<Promise<unknown>>();

  const run = async (command: CompartmentCommand): Promise<CompartmentExit> => {
    if (destroyed.signal.aborted || command.signal.aborted) return { exitCode: null, cause: 'aborted' };
    const oomKills = await countOomKills(confinement.cgroups);
    const program = await launch({ path, confinement, limits: order.limits }, command);
    const { exitCode, endedBy } = await attendWithin(program, command, {
      timeoutMs: command.timeoutMs,
      signals: [destroyed.signal, command.signal],
      watch: (end) =>
        watchDisk([files.code, files.home, files.output, files.tmp, files.side], order.limits.diskBytes, () => end('disk_full')),
    });
    if (endedBy !== null) return { exitCode, cause: endedBy };
    const starved = exitCode !== 0 && (await countOomKills(confinement.cgroups)) > oomKills;
    return { exitCode, cause: starved ? 'out_of_memory' : 'finished' };
  };

  return {
    paths: confinement.mode === 'none' ? barePaths(path, confinement) : SANDBOX_PATHS,
    run: (command) => {
      const result = run(command);
      const entry = result.catch(() => undefined).finally(() => running.delete(entry));
      running.add(entry);
      return result;
    },
    destroy: async () => {
      destroyed.abort();
      await Promise.all(running);
      await killLeftovers(confinement);
    },
  };
};

import type { CompartmentCommand } from '../../tasks/ports/compartment.ts';
import type { Launched } from '../program.ts';
import { showSockets } from '../show-sockets.ts';
import { isErrno } from './atomic-file.ts';
import { bareEnvironment, barePaths } from './bare.ts';
import { type LaunchPlace, spawnEntered } from './spawn-entered.ts';

/** Starts a command without any isolation, in a process group of its own; a daemon that leaves the group lives until the run ends. */
export const launchBare = async (place: LaunchPlace, command: CompartmentCommand): Promise<Launched> => {
  const paths = barePaths(place.path, place.confinement);
  if (command.sockets !== undefined) await showSockets(paths.sockets, command.sockets);
  const env = bareEnvironment(paths, place.confinement, command);
  const { child, exited, stdout, stderr } = await spawnEntered(place, command, command.argv, {
    env,
    cwd: command.cwd,
    detached: true,
    extra: 0,
  });
  let killed = false;
  const killGroup = (): void => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
    } catch (error) {
      if (!isErrno(error, 'ESRCH')) throw error;
    }
  };
  const gone = async (): Promise<number | null> => {
    const exitCode = await exited;
    killGroup();
    return killed ? null : exitCode;
  };
  const kill = (): void => {
    killed = true;
    killGroup();
  };
  return { stdin: child.stdin, stdout, stderr, endsItsOutput: false, kill, gone: gone() };
};

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { CompartmentCommand } from '../../tasks/ports/compartment.ts';
import type { RunLimits } from '../../tasks/run.ts';
import { entriesOf } from './cgroup.ts';
import type { Confinement } from './confinement.ts';
import { type OutputPipe, openOutputPipes } from './output-pipe.ts';

export interface LaunchPlace {
  readonly path: string;
  readonly confinement: Confinement;
  readonly limits: Pick<RunLimits, 'processes' | 'diskBytes'>;
}

/**
 * Enters the run's cgroups before anything of the run executes. `setpriv` has armed the signal that ends it with this process; had we died
 * before that, the signal would never come, so the parent is looked at once more.
 */
const ENTER =
  '[ "$PPID" = "$1" ] || exit 125; shift; while [ "$1" != -- ]; do echo $$ >"$1" || exit 125; shift; done; shift; exec nice -n 5 "$@"';
const enter = (entries: readonly string[]): string[] => [
  '--pdeathsig',
  'KILL',
  '/bin/sh',
  '-c',
  ENTER,
  'sh',
  String(process.pid),
  ...entries,
  '--',
];

export interface Spawned {
  readonly child: ChildProcess;
  /** The exit code; null where a signal ended the child. */
  readonly exited: Promise<number | null>;
  readonly stdout: OutputPipe['reader'];
  readonly stderr: OutputPipe['reader'] | null;
}

/** Spawns a child that enters the run's cgroups before it becomes `argv`, and ends with this process. */
export const spawnEntered = async (
  { path, confinement }: LaunchPlace,
  command: CompartmentCommand,
  argv: readonly string[],
  options: SpawnOptions & { readonly extra: number },
): Promise<Spawned> => {
  const { output, errors } = await openOutputPipes(path, command.onStderr !== undefined);
  try {
    const stdin = command.stdin === undefined ? 'ignore' : 'pipe';
    const child = spawn('/usr/bin/setpriv', [...enter(entriesOf(confinement.cgroups)), ...argv], {
      ...options,
      stdio: [stdin, output.writer.fd, (errors ?? output).writer.fd, ...Array<'pipe'>(options.extra).fill('pipe')],
    });
    // Listened to at once: a quick program may have ended before its pipes are closed here, and an exit is told only once.
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await once(child, 'spawn');
    return { child, exited, stdout: output.reader, stderr: errors?.reader ?? null };
  } catch (error) {
    output.reader.destroy();
    errors?.reader.destroy();
    throw error;
  } finally {
    await output.writer.close();
    await errors?.writer.close();
  }
};

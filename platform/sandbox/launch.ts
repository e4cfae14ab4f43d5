import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type CompartmentCommand, CompartmentUnavailableError } from '../../tasks/ports/compartment.ts';
import type { RunLimits } from '../../tasks/run.ts';
import { isErrno } from './atomic-file.ts';
import { bareEnvironment, barePaths } from './bare.ts';
import { bubblewrapOptions, confinedArgv } from './bubblewrap.ts';
import { entriesOf } from './cgroup.ts';
import type { Confinement } from './confinement.ts';
import { type OutputPipe, openOutputPipes } from './output-pipe.ts';
import { identifyProcess, isAlive, type ProcessIdentity, signalProcess } from './process-identity.ts';
import { architectureOf, seccompFilter } from './seccomp.ts';
import { SYSTEM_PATH } from './system-path.ts';

/** A program that has been started with everything it may start in turn. */
export interface Launched {
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  /** Null where both streams arrive at `stdout`. */
  readonly stderr: Readable | null;
  /** Whether both streams end with the tree for certain. */
  readonly endsItsOutput: boolean;
  /** Ends the whole tree at once. */
  kill(): void;
  /** Resolves once the whole tree is gone; null: it was killed. Rejects with `CompartmentUnavailableError` where the program never ran. */
  readonly gone: Promise<number | null>;
}

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

/** Programs inside have another uid; the folder around the sockets keeps everyone else out. */
const openSockets = async (folder: string): Promise<void> => {
  await chmod(folder, 0o755);
  await Promise.all((await readdir(folder)).map((name) => chmod(join(folder, name), 0o666)));
};

interface Spawned {
  readonly child: ChildProcess;
  /** The exit code; null where a signal ended the child. */
  readonly exited: Promise<number | null>;
  readonly stdout: OutputPipe['reader'];
  readonly stderr: OutputPipe['reader'] | null;
}

const spawnEntered = async (
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

const extraPipe = (child: ChildProcess, index: number): Duplex => {
  const all: readonly unknown[] = child.stdio;
  const stream = all[index];
  if (stream instanceof Duplex) return stream;
  throw new Error(`Descriptor ${index} was not opened as a pipe`);
};

const untilGone = async (identity: ProcessIdentity): Promise<void> => {
  while (isAlive(identity)) await delay(2);
};

/** What bubblewrap says of itself, one JSON document a line: the child's id when it exists, its exit code if the program ever ran. */
const readStatus = async (status: Readable, onChild: (identity: ProcessIdentity) => void): Promise<boolean> => {
  let text = '';
  let known = false;
  for await (const chunk of status) {
    text += String(chunk);
    const pid = /"child-pid": (\d+)/.exec(text)?.[1];
    const identity = known || pid === undefined ? null : identifyProcess(Number(pid));
    if (identity !== null) onChild(identity);
    known ||= pid !== undefined;
  }
  return /"exit-code": \d+/.test(text);
};

/** Descriptors are inherited sockets; a peer that has gone away shows in the exit code. */
const sendAll = (stream: Writable, content: Buffer | string): void => {
  stream.on('error', () => undefined);
  stream.end(content);
};

/** Starts a command in a bubblewrap of its own, which dies with this process. */
export const launchConfined = async (place: LaunchPlace, command: CompartmentCommand): Promise<Launched> => {
  if (command.sockets !== undefined) await openSockets(command.sockets);
  const { confinement } = place;
  const argv = [
    'bwrap',
    '--args',
    '3',
    '--seccomp',
    '4',
    '--json-status-fd',
    '5',
    '--',
    ...confinedArgv(confinement, place.limits, command),
  ];
  const { child, exited, stdout, stderr } = await spawnEntered(place, command, argv, { env: { PATH: SYSTEM_PATH }, extra: 3 });
  const [options, filter, status] = [extraPipe(child, 3), extraPipe(child, 4), extraPipe(child, 5)];
  sendAll(options, `${bubblewrapOptions(place.path, confinement, command).join('\0')}\0`);
  sendAll(filter, seccompFilter(architectureOf(process.arch)));
  const outer = identifyProcess(child.pid ?? 0);
  let inner = null as ProcessIdentity | null;
  let killed = false;
  const kill = (): void => {
    killed = true;
    // The inner process is the first of its process namespace, which ends with it; killing the outer one alone would tell nobody the end.
    if (inner !== null) signalProcess(inner, 'SIGKILL');
    if (outer !== null) signalProcess(outer, 'SIGKILL');
  };
  const ran = readStatus(status, (identity) => {
    inner = identity;
    if (killed) kill();
  });
  const gone = async (): Promise<number | null> => {
    const exitCode = await exited;
    const hasRun = await ran;
    if (inner !== null) await untilGone(inner);
    if (!hasRun && !killed && exitCode !== null)
      throw new CompartmentUnavailableError(`bubblewrap could not make the sandbox (exit ${exitCode})`);
    return killed ? null : exitCode;
  };
  return { stdin: child.stdin, stdout, stderr, endsItsOutput: true, kill, gone: gone() };
};

const showSockets = async (shown: string, folder: string): Promise<void> => {
  const next = `${shown}.next`;
  await rm(next, { force: true });
  await symlink(folder, next);
  await rename(next, shown);
};

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

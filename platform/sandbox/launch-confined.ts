import type { ChildProcess } from 'node:child_process';
import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type CompartmentCommand, CompartmentUnavailableError } from '../../tasks/ports/compartment.ts';
import type { Launched } from '../program.ts';
import { SYSTEM_PATH } from '../system-path.ts';
import { bubblewrapOptions, confinedArgv } from './bubblewrap.ts';
import { identifyProcess, isAlive, type ProcessIdentity, signalProcess } from './process-identity.ts';
import { architectureOf, seccompFilter } from './seccomp.ts';
import { type LaunchPlace, spawnEntered } from './spawn-entered.ts';

/** Programs inside have another uid; the folder around the sockets keeps everyone else out. */
const openSockets = async (folder: string): Promise<void> => {
  await chmod(folder, 0o755);
  await Promise.all((await readdir(folder)).map((name) => chmod(join(folder, name), 0o666)));
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

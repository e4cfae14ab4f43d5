import type { FileHandle } from 'node:fs/promises';
import { chmod, mkdir, open, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { CompartmentCommand, CompartmentPaths } from '../../tasks/ports/compartment.ts';
import { holdFifo, makeFifos, openFifoReader, openFifoWriter } from '../fifo.ts';
import type { Launched } from '../program.ts';
import type { ExecutorLink } from './link.ts';
import { commandScript } from './script.ts';

export interface PodPlace {
  readonly link: ExecutorLink;
  readonly paths: CompartmentPaths;
  /** What one file may hold. */
  readonly fileBytes: number;
}

const writeScript = async (path: string, content: string): Promise<void> => {
  const file: FileHandle = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.chmod(0o640);
  } finally {
    await file.close();
  }
};

/** Starts a command in a pod's container. Names are used once. */
export const launchInPod = async (
  { link, paths, fileBytes }: PodPlace,
  name: string,
  command: CompartmentCommand,
): Promise<Launched & { readonly oomKills: () => number }> => {
  const folder = join(link.folder, name);
  const opened: Socket[] = [];
  const holds: (() => Promise<void>)[] = [];
  const hold = async (stream: string): Promise<() => Promise<void>> => {
    const release = await holdFifo(join(folder, stream));
    holds.push(release);
    return release;
  };
  const openOutput = async (stream: string): Promise<Socket> => {
    const reader = await openFifoReader(join(folder, stream));
    opened.push(reader);
    // A command that never opens its output would never end it either.
    await hold(stream);
    return reader;
  };
  const clear = async (): Promise<void> => {
    await Promise.all(holds.map((release) => release()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await mkdir(folder);
    await chmod(folder, 0o2750);
    await writeScript(join(folder, 'script'), commandScript(name, command, { paths, fileBytes }));
    const streams = ['stdout', ...(command.onStderr === undefined ? [] : ['stderr'])];
    await makeFifos(folder, command.stdin === undefined ? streams : [...streams, 'stdin']);
    const stdout = await openOutput('stdout');
    const stderr = command.onStderr === undefined ? null : await openOutput('stderr');
    const stdin = command.stdin === undefined ? null : await openFifoWriter(join(folder, 'stdin'));
    // All of the input may be written before the command has opened it.
    const held = stdin === null ? null : await hold('stdin');
    const { kill, begun, end } = link.run(name);
    void begun.then(held);
    let oomKills = 0;
    const gone = async (): Promise<number | null> => {
      try {
        const ended = await end;
        oomKills = ended.oomKills;
        return ended.exitCode;
      } finally {
        await clear();
      }
    };
    return {
      ...{ stdin, stdout, stderr, kill, gone: gone(), oomKills: () => oomKills },
      get endsItsOutput() {
        return !link.lost;
      },
    };
  } catch (error) {
    for (const stream of opened) stream.destroy();
    await clear();
    throw error;
  }
};

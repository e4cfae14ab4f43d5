import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Compartment, CompartmentCommand, CompartmentExit } from '../../tasks/ports/compartment.ts';
import { isErrno } from './atomic-file.ts';
import { barePaths } from './bare.ts';
import { SANDBOX_PATHS } from './bubblewrap.ts';
import { countOomKills } from './cgroup.ts';
import { watchDisk } from './disk-watch.ts';
import { type Launched, launchBare, launchConfined } from './launch.ts';
import { killLeftovers } from './leftovers.ts';
import { type RunFolder, runFiles } from './run-folder.ts';

type Sink = CompartmentCommand['onStdout'];

/** A daemon that nothing isolates may hold its output open after the program has ended. */
const LINGER_MS = 1000;

const pump = async (stream: Readable, sink: Sink): Promise<void> => {
  try {
    for await (const chunk of stream) await sink?.(chunk);
  } catch (error) {
    if (!isErrno(error, 'ERR_STREAM_PREMATURE_CLOSE')) throw error;
  }
};

/** A program may end, or close its input, before it has read everything. */
const feed = async (source: Readable | undefined, stdin: Writable | null): Promise<void> => {
  if (source === undefined || stdin === null) return;
  let failed = null as 'source' | 'program' | null;
  source.once('error', () => {
    failed ??= 'source';
  });
  for (const sign of ['error', 'close']) {
    stdin.once(sign, () => {
      failed ??= 'program';
    });
  }
  try {
    await pipeline(source, stdin);
  } catch (error) {
    if (failed !== 'program') throw error;
  }
};

/** Moves all streams until the program's tree is gone; whatever fails on our side ends the program before it is thrown. */
const attend = async (program: Launched, command: CompartmentCommand): Promise<number | null> => {
  const streams = [program.stdout, ...(program.stderr === null ? [] : [program.stderr])];
  const gone = program.gone.finally(() => {
    program.stdin?.destroy();
    if (program.endsItsOutput) return;
    const timer = setTimeout(() => {
      for (const stream of streams) stream.destroy();
    }, LINGER_MS);
    void Promise.allSettled(pumps).then(() => clearTimeout(timer));
  });
  const pumps = [pump(program.stdout, command.onStdout), ...(program.stderr === null ? [] : [pump(program.stderr, command.onStderr)])];
  const work = [...pumps, feed(command.stdin, program.stdin)];
  for (const part of work) part.catch(program.kill);
  const settled = await Promise.allSettled([gone, ...work]);
  for (const result of settled) if (result.status === 'rejected') throw result.reason;
  return gone;
};

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
    let cause = null as CompartmentExit['cause'] | null;
    const end = (why: CompartmentExit['cause']): void => {
      cause ??= why;
      program.kill();
    };
    const abort = (): void => end('aborted');
    const signals = [destroyed.signal, command.signal];
    for (const signal of signals) signal.addEventListener('abort', abort, { once: true });
    if (signals.some((signal) => signal.aborted)) abort();
    const timer = setTimeout(() => end('timed_out'), command.timeoutMs);
    const unwatch = watchDisk([files.code, files.home, files.output, files.tmp, files.side], order.limits.diskBytes, () =>
      end('disk_full'),
    );
    try {
      const exitCode = await attend(program, command);
      if (cause !== null) return { exitCode: null, cause };
      const starved = exitCode !== 0 && (await countOomKills(confinement.cgroups)) > oomKills;
      return { exitCode, cause: starved ? 'out_of_memory' : 'finished' };
    } finally {
      clearTimeout(timer);
      unwatch();
      for (const signal of signals) signal.removeEventListener('abort', abort);
    }
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

import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CompartmentCommand, CompartmentExit } from '../tasks/ports/compartment.ts';
import { isErrno } from './sandbox/atomic-file.ts';

/** A program that has been started with everything it may start in turn. */
export interface Launched {
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  /** Null where both streams arrive at `stdout`. */
  readonly stderr: Readable | null;
  /** Whether both streams end with the tree for certain. Asked when it is gone. */
  readonly endsItsOutput: boolean;
  /** Ends the whole tree at once. */
  kill(): void;
  /** Resolves once the whole tree is gone; null: it was killed. Rejects with `CompartmentUnavailableError` where the program never ran. */
  readonly gone: Promise<number | null>;
}

/** What may end a program before it ends by itself. */
export interface Bounds {
  readonly timeoutMs: number;
  readonly signals: readonly AbortSignal[];
  /** Begins to watch for another cause; returns what ends the watch. */
  readonly watch?: (end: (cause: CompartmentExit['cause']) => void) => () => void;
}

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
  let failed: 'source' | 'program' | null = stdin.destroyed ? 'program' : null;
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

/** Attends a program until its tree is gone and all of its output is delivered; `endedBy` is null where it ended by itself. */
export const attendWithin = async (
  program: Launched,
  command: CompartmentCommand,
  { timeoutMs, signals, watch }: Bounds,
): Promise<{ readonly exitCode: number | null; readonly endedBy: CompartmentExit['cause'] | null }> => {
  let endedBy = null as CompartmentExit['cause'] | null;
  const end = (why: CompartmentExit['cause']): void => {
    endedBy ??= why;
    program.kill();
  };
  const abort = (): void => end('aborted');
  for (const signal of signals) signal.addEventListener('abort', abort, { once: true });
  if (signals.some((signal) => signal.aborted)) abort();
  const timer = setTimeout(() => end('timed_out'), timeoutMs);
  const unwatch = watch?.(end);
  try {
    const exitCode = await attend(program, command);
    return { exitCode: endedBy === null ? exitCode : null, endedBy };
  } finally {
    clearTimeout(timer);
    unwatch?.();
    for (const signal of signals) signal.removeEventListener('abort', abort);
  }
};

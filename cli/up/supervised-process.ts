import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { identifyProcess, type ProcessIdentity } from '../../platform/sandbox/process-identity.ts';
import { CliError } from '../cli-error.ts';

const FIRST_BACKOFF_MS = 1_000;
const LAST_BACKOFF_MS = 15_000;
/** A process that lived this long has recovered: its next death starts the back-off anew. */
const RECOVERED_MS = 60_000;
const READY_POLL_MS = 20;
/** Of a log at a start; a larger one becomes the one before. */
const LOG_BYTES = 10 * 1024 * 1024;

export interface SupervisedProcess {
  readonly name: string;
  /** Resolves when it is ready; rejects with its last words when it ends before that or isn't ready in time. */
  start(timeoutMs: number): Promise<void>;
  /** Asks it to end, and after `graceMs` (or once `hurry` fires) makes it. Resolves when it is gone; it isn't started again. */
  stop(graceMs: number, hurry: AbortSignal): Promise<void>;
}

export interface SupervisedProcessOptions {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly logFile: string;
  /** Asked again and again with what the process has written so far. */
  readonly isReady: (output: string) => boolean | Promise<boolean>;
  /** Called at once after every start, so that it can be found after a crash. */
  readonly onStarted: (identity: ProcessIdentity | null) => void;
  readonly say: (line: string) => void;
}

/** Whether a process has printed the line `{"ready":true,…}`. */
export const saysReady = (output: string): boolean => /^\{"ready":true/m.test(output);

/**
 * A child process in a session of its own (a terminal's Ctrl-C doesn't reach it) that writes straight into its log, so that it outlives
 * this process undisturbed, and that is started again with a growing pause whenever it ends by itself.
 */
export const createSupervisedProcess = (options: SupervisedProcessOptions): SupervisedProcess => {
  const { name, command, env, cwd, logFile, say } = options;
  let child: ChildProcess | null = null;
  let gone: Promise<string> = Promise.resolve('');
  let logStart = 0;
  const stopping = new AbortController();

  const output = (): string => readFileSync(logFile).subarray(logStart).toString();

  const launch = (): void => {
    if (existsSync(logFile) && statSync(logFile).size > LOG_BYTES) renameSync(logFile, `${logFile}.1`);
    const log = openSync(logFile, 'a', 0o600);
    logStart = statSync(logFile).size;
    const [program, ...args] = command;
    const started = spawn(program, args, { env, cwd, detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    child = started;
    options.onStarted(started.pid === undefined ? null : identifyProcess(started.pid));
    gone = new Promise((resolve) => {
      started.once('error', (error) => resolve(error.message));
      started.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : signal));
    });
  };

  const ready = async (timeoutMs: number): Promise<void> => {
    const deadline = Date.now() + timeoutMs;
    let end: string | null = null;
    gone.then((how) => {
      end = how;
    });
    while (!(await options.isReady(output()))) {
      if (stopping.signal.aborted) return;
      if (end !== null || Date.now() > deadline) {
        const what = end === null ? `is not ready after ${Math.round(timeoutMs / 1000)} s` : `ended before it was ready (${end})`;
        throw new CliError(`${name} ${what}: ${lastWords(output())}`, `The whole log is ${logFile}.`);
      }
      await pause(READY_POLL_MS);
    }
  };

  const watch = async (): Promise<void> => {
    let backoffMs = FIRST_BACKOFF_MS;
    while (true) {
      const began = Date.now();
      const how = await gone;
      if (stopping.signal.aborted) return;
      if (Date.now() - began > RECOVERED_MS) backoffMs = FIRST_BACKOFF_MS;
      say(`${name} ended by itself (${how}); starting it again in ${backoffMs / 1000} s`);
      await pause(backoffMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      backoffMs = Math.min(backoffMs * 2, LAST_BACKOFF_MS);
      try {
        launch();
      } catch (error) {
        say(`${name} can't be started: ${error instanceof Error ? error.message : String(error)}`);
        continue;
      }
      ready(RECOVERED_MS).then(
        () => stopping.signal.aborted || say(`${name} is back`),
        () => undefined,
      );
    }
  };

  return {
    name,
    async start(timeoutMs) {
      if (stopping.signal.aborted) return;
      launch();
      await ready(timeoutMs);
      watch();
    },
    async stop(graceMs, hurry) {
      stopping.abort();
      const target = child;
      if (target === null || target.exitCode !== null || target.signalCode !== null) return;
      target.kill('SIGTERM');
      const patience = AbortSignal.any([AbortSignal.timeout(graceMs), hurry]);
      const force = (): boolean => target.kill('SIGKILL');
      if (patience.aborted) force();
      patience.addEventListener('abort', force, { once: true });
      await gone;
      patience.removeEventListener('abort', force);
    },
  };
};

/** The line that says most, for a sentence: the last error, below which Node prints its stack, else the last line. */
const lastWords = (output: string): string => {
  const lines = output.trimEnd().split('\n');
  const error = lines.findLast((line) => /^(Uncaught )?\w*Error\b.*: /.test(line));
  return (error ?? lines.at(-1))?.slice(0, 500) || 'it said nothing';
};

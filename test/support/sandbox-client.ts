import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CompartmentExit } from '../../tasks/ports/compartment.ts';
import { NODE } from './sandbox-run.ts';

export const NOBODY_UID = 65_534;

export interface WorkerOptions {
  readonly runsDir: string;
  readonly runId: string;
  readonly mode: 'root' | 'user' | 'none';
  /** Whether the worker drops root first. */
  readonly asNobody: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

const start = ({ runsDir, runId, asNobody, env }: WorkerOptions, mode: string): ChildProcess => {
  const argv = [NODE, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'sandbox-worker.ts'), runsDir, runId, mode];
  const drop = asNobody ? ['setpriv', '--reuid', String(NOBODY_UID), '--regid', String(NOBODY_UID), '--clear-groups', '--'] : [];
  const [program = '', ...rest] = [...drop, ...argv];
  return spawn(program, rest, { env: { PATH: process.env.PATH, ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
};

/** A process with a compartment in it that runs scripts. */
export const startSandboxWorker = async (options: WorkerOptions) => {
  const child = start(options, options.mode);
  const lines = createInterface({ input: child.stdout ?? process.stdin })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('The sandbox worker ended');
    return JSON.parse(value);
  };
  const { memory, path } = (await next()) as { memory: boolean; path: string };
  let id = 0;
  const send = (script: string, { timeoutMs = 15_000, abortAfterOutput = false } = {}): void => {
    id += 1;
    child.stdin?.write(`${JSON.stringify({ id, script, timeoutMs, abortAfterOutput })}\n`);
  };
  return {
    pid: child.pid ?? 0,
    path,
    boundsMemory: memory,
    /** Starts a script without waiting for its end. */
    send,
    run: async (script: string, how?: Parameters<typeof send>[1]): Promise<{ exit: CompartmentExit; output: string }> => {
      send(script, how);
      return next();
    },
    /** Destroys the compartment and removes the run. */
    end: async (): Promise<void> => {
      child.stdin?.end();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
    /** As the machine would: no goodbye. */
    kill: async (): Promise<void> => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
    /** Removes what a killed worker left. */
    remove: async (): Promise<void> => {
      await once(start(options, 'remove'), 'exit');
    },
  };
};

/** Host ids of the processes whose command line holds a word; zombies have none. */
export const processesWith = (word: string): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      if (!Number.isInteger(pid) || pid === process.pid) return false;
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word);
      } catch {
        return false;
      }
    });

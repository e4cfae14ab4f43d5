import { spawn } from 'node:child_process';
import { createOutputWindow } from './output-window.ts';
import { isSystemError } from './system-error.ts';

export interface GroupCommand {
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
}

export interface GroupExit {
  readonly output: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly timedOut: boolean;
  readonly durationMs: number;
}

/** A process that left the group may hold the pipe open; the command is over all the same. */
const DRAIN_MS = 500;

const killGroup = (pid: number | undefined): void => {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!isSystemError(error, 'ESRCH')) throw error;
  }
};

/**
 * Runs a command as the leader of a fresh process group, stdin closed, stdout and stderr in one window. The whole group is killed when
 * the command ends, when its time is up and when the signal is aborted. Rejects where the command can't be started or is aborted.
 */
export const runInGroup = async ({ argv: [file, ...args], cwd, env, timeoutMs }: GroupCommand, signal: AbortSignal): Promise<GroupExit> => {
  signal.throwIfAborted();
  const started = performance.now();
  const output = createOutputWindow();
  const child = spawn(file, args, { cwd, env: { ...env }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let timedOut = false;
  const kill = (): void => killGroup(child.pid);
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, timeoutMs);
  signal.addEventListener('abort', kill);
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk));
  let drain: NodeJS.Timeout | undefined;
  child.on('exit', () => {
    kill();
    drain = setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, DRAIN_MS);
  });
  try {
    const [exitCode, exitSignal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, name) => resolve([code, name]));
    });
    signal.throwIfAborted();
    return { output: output.text(), exitCode, signal: exitSignal, timedOut, durationMs: performance.now() - started };
  } finally {
    clearTimeout(timer);
    clearTimeout(drain);
    signal.removeEventListener('abort', kill);
  }
};

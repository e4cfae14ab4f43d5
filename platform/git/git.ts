import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gitArguments, type HostEnvironment, hardenedEnvironment } from './hardening.ts';

/** Git ended with an exit code that means failure. `lastLine` is what it said last, cut, without control characters. */
export class GitError extends Error {
  override readonly name = 'GitError';
  readonly exitCode: number | null;
  readonly lastLine: string;
  constructor(command: string, exitCode: number | null, lastLine: string) {
    super(`git ${command} ended with ${exitCode === null ? 'a signal' : `code ${exitCode}`}: ${lastLine}`);
    this.exitCode = exitCode;
    this.lastLine = lastLine;
  }
}

/** Git took longer than it was given. */
export class GitTimeoutError extends Error {
  override readonly name = 'GitTimeoutError';
}

export interface GitCommand {
  readonly cwd: string;
  /** `-c name=value` settings of this command, above the hardening. */
  readonly config?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** What git reads, no faster than it does; what it throws ends git and is thrown on. It is done with when the call settles. */
  readonly input?: AsyncIterable<Buffer> | Iterable<Buffer>;
  /** Takes the output as it comes, instead of the answer; what it throws ends git and is thrown on. */
  readonly onOutput?: (chunk: Buffer) => void;
}

export type Git = (args: readonly [string, ...string[]], command: GitCommand) => Promise<string>;

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const STDERR_TAIL_BYTES = 4096;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim();

const lastLineOf = (stderr: string): string => printable(stderr.trimEnd().split('\n').at(-1) ?? '').slice(0, 300);

/**
 * Runs hardened git commands: nothing of the machine's or the user's configuration, no hook, no helper, no prompt.
 * simple-git is not used here: it can end git but not git's helper processes, and it holds all output in memory.
 * On abort, time-out or a throwing `onOutput` git's whole process group is killed before the call rejects.
 */
export const createGit =
  (host: HostEnvironment): Git =>
  async (args, { cwd, config = [], env = {}, signal, timeoutMs, input = [], onOutput }) => {
    signal.throwIfAborted();
    const child = spawn('git', gitArguments(config, args), {
      cwd,
      env: { ...hardenedEnvironment(host), ...env },
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const killGroup = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // The group is gone already; that is what was wanted.
      }
    };
    let stopped: { readonly cause: unknown } | undefined;
    const stop = (cause: unknown): void => {
      stopped ??= { cause };
      killGroup();
    };
    const onAbort = (): void => stop(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => stop(new GitTimeoutError(`git ${args[0]} took longer than ${timeoutMs / 1000} s`)), timeoutMs);
    const fed = feed(input, child.stdin, stop);
    const answer: Buffer[] = [];
    let answerBytes = 0;
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      if (stopped !== undefined) return;
      try {
        if (onOutput !== undefined) return onOutput(chunk);
        answerBytes += chunk.length;
        if (answerBytes > MAX_ANSWER_BYTES) throw new GitError(args[0], null, `more than ${MAX_ANSWER_BYTES} bytes of answer`);
        answer.push(chunk);
      } catch (error) {
        stop(error);
      }
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-STDERR_TAIL_BYTES);
    });
    try {
      const [exitCode] = (await once(child, 'close')) as [number | null];
      if (stopped !== undefined) throw stopped.cause;
      if (exitCode !== 0) throw new GitError(args[0], exitCode, lastLineOf(stderr));
      return Buffer.concat(answer).toString();
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      await fed;
    }
  };

/** Settles when `input` is read no more. A git that ends early closes its side, which its exit code explains better than the pipe does. */
const feed = (input: AsyncIterable<Buffer> | Iterable<Buffer>, stdin: Writable, onError: (error: unknown) => void): Promise<void> => {
  const watched = async function* (): AsyncGenerator<Buffer> {
    try {
      yield* input;
    } catch (error) {
      onError(error);
      throw error;
    }
  };
  return pipeline(watched, stdin).catch(() => {});
};

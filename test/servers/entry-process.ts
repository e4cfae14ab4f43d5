import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '../..');

export interface EntryProcess {
  readonly pid: number;
  /** What it said when it was ready. */
  readonly ready: unknown;
  /** Its exit code. */
  readonly exited: Promise<number | null>;
  /** SIGTERM; resolves when it has come to its end. */
  stop(): Promise<void>;
}

/** An entry of Codebay as a process of its own, with exactly this environment; what it logs goes to a file. It ends with this process. */
export const startEntry = async (options: {
  /** Such as `api/server.ts`. */
  readonly entry: string;
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
}): Promise<EntryProcess> => {
  const child = spawn(process.execPath, [join(ROOT, options.entry)], {
    env: options.env,
    stdio: ['ignore', 'pipe', openSync(options.logFile, 'a')],
  });
  const { stdout } = child;
  if (stdout === null) throw new Error('a piped process has an output');
  const endWithUs = () => child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const exited = once(child, 'exit').then(([code]) => {
    process.off('exit', endWithUs);
    return code as number | null;
  });
  const died = exited.then((code) => Promise.reject(new Error(`${options.entry} ended with ${code}; see ${options.logFile}`)));
  died.catch(() => undefined);
  const [line] = await Promise.race([once(createInterface(stdout), 'line'), died]);
  return {
    pid: child.pid ?? 0,
    ready: JSON.parse(String(line)),
    exited,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
};

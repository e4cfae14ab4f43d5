import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/until.ts';
import { endWithUs } from './end-with-us.ts';

const ROOT = join(import.meta.dirname, '../..');
const READY_MS = 60_000;

export interface CodebayProcess {
  readonly name: string;
  readonly logFile: string;
  /** Of the process as it is now; null before its first start. */
  pid(): number | null;
  /** Starts it (again) and resolves once it has said that it is ready. */
  start(): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** One process of the production profile, by its entry file, with exactly this environment and PATH. It ends with this process. */
export const codebayProcess = (options: {
  readonly name: string;
  readonly entry: string;
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
}): CodebayProcess => {
  const { name, entry, env, folder } = options;
  const logFile = join(folder, `${name}.log`);
  let child: ReturnType<typeof spawn> | null = null;

  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    const target = child;
    if (target === null) return null;
    if (target.exitCode === null && target.signalCode === null) {
      const gone = once(target, 'exit');
      target.kill(signal);
      await gone;
    }
    return target.exitCode;
  };

  return {
    name,
    logFile,
    pid: () => child?.pid ?? null,
    async start() {
      const log = openSync(logFile, 'a', 0o600);
      const from = statSync(logFile).size;
      const started = spawn(process.execPath, [join(ROOT, entry)], {
        env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...env },
        stdio: ['ignore', log, log],
      });
      closeSync(log);
      endWithUs(started);
      child = started;
      const said = () => readFileSync(logFile).subarray(from).toString();
      await until(
        `${name} is ready`,
        () => {
          if (started.exitCode !== null || started.signalCode !== null) throw new Error(`${name} ended before it was ready: ${said()}`);
          return /^\{"ready":true/m.test(said());
        },
        READY_MS,
      );
    },
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
  };
};

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { PROCESS_NAMES, type ProcessName } from '../../cli/up/station-file.ts';
import { startStationProcess } from '../../demo/station-process.ts';
import { signalProcess } from '../../platform/sandbox/process-identity.ts';
import { profileSettings } from './profile.ts';

export interface TestStation {
  readonly url: string;
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly temporalAddress: string;
  readonly dataDir: string;
  readonly pid: number;
  /** Of the processes as they are now. */
  pids(): Partial<Record<ProcessName, number>>;
  /** Everything that `codebay up` has printed. */
  output(): string;
  /** Kills one process by its exact identity; false where it was gone. */
  kill(name: ProcessName, signal?: NodeJS.Signals): boolean;
  /** `kill -9` of `up`, and then of all it had started. Runs stay. */
  killAll(): Promise<void>;
  /** Runs a command of the CLI against this station. */
  cli(...args: readonly string[]): Promise<{ readonly exitCode: number | undefined; readonly stdout: string; readonly stderr: string }>;
  /** Ctrl-C, once; resolves with `up`'s exit code. */
  stop(): Promise<number | null>;
}

/** A fresh data folder below the temporary folder, removed at the end of the scope. */
export const temporaryDataDir = async (): Promise<{ readonly path: string } & AsyncDisposable> => {
  const path = await mkdtemp(join(tmpdir(), 'codebay-test-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
};

/** Starts a station as a user would, `codebay up` in a process of its own on ports that are free, so several can run at once. `env` is added to this process's. */
export const startStation = async (options: {
  readonly dataDir: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Whom root starts it as. */
  readonly user?: { readonly uid: number; readonly gid: number };
}): Promise<TestStation> => {
  const { dataDir } = options;
  const env = {
    ...process.env,
    // Nothing listens on port 1: a test that forgets its model server reaches none.
    OPENAI_BASE_URL: 'http://127.0.0.1:1/v1',
    OPENAI_API_KEY: 'test-key',
    ...(await profileSettings(dataDir)),
    ...options.env,
    CODEBAY_DATA: dataDir,
    CODEBAY_URL: '',
    CODEBAY_API_KEY: '',
    NO_COLOR: '1',
  };
  const up = await startStationProcess(env, options.user);
  const { url, gateway_url: gatewayUrl, temporal_address: temporalAddress } = up.file();
  const kill = (name: ProcessName, signal: NodeJS.Signals = 'SIGKILL'): boolean => {
    const identity = up.file().processes[name];
    return identity !== undefined && signalProcess(identity, signal);
  };
  return {
    url,
    gatewayUrl,
    apiKey: up.apiKey,
    temporalAddress,
    dataDir,
    pid: up.pid,
    pids: () => Object.fromEntries(Object.entries(up.file().processes).map(([name, identity]) => [name, identity?.pid])),
    output: up.output,
    kill,
    async killAll() {
      process.kill(up.pid, 'SIGKILL');
      await up.ended;
      for (const name of PROCESS_NAMES) kill(name);
    },
    async cli(...args) {
      const main = join(import.meta.dirname, '../../cli/main.ts');
      const { exitCode, stdout, stderr } = await execa(process.execPath, [main, ...args], {
        env,
        extendEnv: false,
        reject: false,
        stdin: 'ignore',
        cwd: dataDir,
      });
      return { exitCode, stdout, stderr };
    },
    stop: up.stop,
  };
};

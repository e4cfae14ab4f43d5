import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { serverPath } from '../../scripts/setup/servers.mjs';
import { endWithUs } from './end-with-us.ts';

/** Said where a server can't be had: how to get it. */
export class ServerMissingError extends Error {
  override readonly name = 'ServerMissingError';
  constructor(program: string) {
    super(`${program} is missing: run \`node scripts/setup.mjs --servers\` as root, or install it with your package manager`);
  }
}

/** The program's path, also in folders that an ordinary user's PATH lacks; throws `ServerMissingError`. */
export const findServer = (program: string): string => {
  const found = serverPath()
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));
  if (found === undefined) throw new ServerMissingError(program);
  return found;
};

export const LOOPBACK = '127.0.0.1';

export interface ServerOptions {
  /** Where it listens, and how its URLs call it; loopback where absent. */
  readonly address?: string;
}

/** A port that is free now. */
export const freePort = async (address = LOOPBACK): Promise<number> => {
  const server = createServer().listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

export interface ServerProcess {
  readonly pid: number;
  /** Sends the signal (SIGTERM unless told) and resolves when the process is gone. */
  end(signal?: NodeJS.Signals): Promise<void>;
}

const READY_MS = 60_000;
const LOOK_EVERY_MS = 20;
const LAST_WORDS = 2000;

/** Starts a server by hand, and resolves when `isReady` says so; rejects with its last words when it ends before that. It ends with this process. */
export const startServerProcess = async (options: {
  readonly command: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Gets everything that it says; absent: only its last words are kept. */
  readonly logFile?: string;
  readonly isReady: () => Promise<boolean>;
}): Promise<ServerProcess> => {
  const [program, ...args] = options.command;
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = options.logFile === undefined ? null : createWriteStream(options.logFile, { flags: 'a', mode: 0o600 });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      words = (words + chunk).slice(-LAST_WORDS);
      log?.write(chunk);
    });
  }
  endWithUs(child);
  let ended: string | null = null;
  const gone = new Promise<void>((resolve) => {
    const note = (how: string) => {
      log?.end();
      ended = how;
      resolve();
    };
    child.once('error', (error) => note(error.message));
    child.once('close', (code, signal) => note(signal ?? `exit code ${code}`));
  });
  const end = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    child.kill(signal);
    await gone;
  };
  for (const deadline = Date.now() + READY_MS; !(await options.isReady()); await pause(LOOK_EVERY_MS)) {
    if (ended !== null) throw new Error(`${program} ended before it was ready (${ended}): ${words}`);
    if (Date.now() < deadline) continue;
    await end('SIGKILL');
    throw new Error(`${program} is not ready after ${READY_MS / 1000} s: ${words}`);
  }
  return { pid: child.pid ?? 0, end };
};

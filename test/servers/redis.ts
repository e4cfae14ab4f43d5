import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findServer, freePort, LOOPBACK, type ServerOptions, type ServerProcess, startServerProcess } from './server-process.ts';

export interface TestRedis {
  /** `redis://host:port/0`. */
  readonly url: string;
  /** For looks behind the scenes and for faults; only while the server runs. */
  readonly admin: Redis;
  /** Takes no more data: a write that needs memory is refused. */
  fill(): Promise<void>;
  /** Undoes `fill`. */
  drain(): Promise<void>;
  /** Keeps its connections, and answers nobody until `resume`. */
  hang(): void;
  resume(): void;
  flush(): Promise<void>;
  /** `kill -9`; nothing of its data is left. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const answers = async (url: string): Promise<boolean> => {
  const client = new Redis(url, { lazyConnect: true, disconnectTimeout: 50, retryStrategy: () => null });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.ping()) === 'PONG';
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
};

/** A Redis server of its own on a free port, which keeps everything in memory. It listens on loopback too; elsewhere it wants a password first. */
export const startRedis = async ({ address = LOOPBACK }: ServerOptions = {}): Promise<TestRedis> => {
  const server = findServer('redis-server');
  const folder = await mkdtemp(join(tmpdir(), 'codebay-redis-'));
  const port = await freePort(address);
  const url = `redis://127.0.0.1:${port}/0`;
  const command: [string, ...string[]] = [
    server,
    '--port',
    `${port}`,
    '--bind',
    ...new Set([LOOPBACK, address]),
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    folder,
  ];
  let running: ServerProcess | null = null;
  const start = async (): Promise<void> => {
    running = await startServerProcess({ command, isReady: () => answers(url) });
  };
  const signal = (name: NodeJS.Signals): void => {
    if (running !== null) process.kill(running.pid, name);
  };
  await start();
  const admin = new Redis(url, { retryStrategy: () => 20 });
  admin.on('error', () => undefined);
  return {
    url,
    admin,
    fill: async () => {
      await admin.config('SET', 'maxmemory-policy', 'noeviction');
      await admin.config('SET', 'maxmemory', '1');
    },
    drain: async () => {
      await admin.config('SET', 'maxmemory', '0');
    },
    hang: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    flush: async () => {
      await admin.flushall();
    },
    kill: async () => running?.end('SIGKILL'),
    start,
    stop: async () => {
      admin.disconnect();
      await running?.end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
};

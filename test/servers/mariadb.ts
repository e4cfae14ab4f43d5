import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { findServer, freePort, LOOPBACK, type ServerOptions, type ServerProcess, startServerProcess } from './server-process.ts';

const execute = promisify(execFile);

export interface Mariadb {
  /** `mysql://user@host:port/`, without a database. */
  readonly url: string;
  readonly dataDir: string;
  /** Makes a database of a new name and returns its URL. */
  freshDatabase(): Promise<string>;
  /** `kill -9`; the files stay. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and files. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const answers = async (url: string): Promise<boolean> => {
  try {
    await (await createConnection(url)).end();
    return true;
  } catch {
    return false;
  }
};

const createDatabase = async (url: string): Promise<string> => {
  const name = `codebay_${randomBytes(6).toString('hex')}`;
  const connection = await createConnection(url);
  await connection.query(`create database ${name} character set utf8mb4`);
  await connection.end();
  return `${url}${name}`;
};

/** A MariaDB server of its own on a free port and fresh files, which `stop` removes. It listens on loopback too: its root comes from there. */
export const startMariadb = async ({ address = LOOPBACK }: ServerOptions = {}): Promise<Mariadb> => {
  const server = findServer('mariadbd');
  const dataDir = await mkdtemp(join(tmpdir(), 'codebay-mariadb-'));
  const files = join(dataDir, 'files');
  // A server that starts removes what others have in a folder for temporary tables.
  const temporary = `--tmpdir=${await mkdtemp(join(dataDir, 'tmp-'))}`;
  const user = process.getuid?.() === 0 ? ['--user=root'] : [];
  const port = await freePort(address);
  const url = `mysql://root@127.0.0.1:${port}/`;
  let running: ServerProcess | null = null;
  const start = async (): Promise<void> => {
    running = await startServerProcess({
      command: [
        server,
        '--no-defaults',
        ...user,
        `--datadir=${files}`,
        temporary,
        `--socket=${dataDir}/sock`,
        `--port=${port}`,
        `--bind-address=${[...new Set([LOOPBACK, address])].join(',')}`,
        '--skip-log-bin',
        '--innodb-buffer-pool-size=128M',
        '--max-connections=300',
      ],
      isReady: () => answers(url),
    });
  };
  await execute(findServer('mariadb-install-db'), [
    '--no-defaults',
    ...user,
    `--datadir=${files}`,
    temporary,
    '--skip-test-db',
    '--auth-root-authentication-method=normal',
  ]);
  await start();
  return {
    url,
    dataDir,
    freshDatabase: () => createDatabase(url),
    kill: async () => running?.end('SIGKILL'),
    start,
    stop: async () => {
      await running?.end();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

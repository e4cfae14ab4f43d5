import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { startCosProcess } from './cos/cos-process.ts';
import { startKafka } from './kafka.ts';
import { type Mariadb, startMariadb } from './mariadb.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { ServerMissingError } from './server-process.ts';
import { SERVERS_VARIABLE, type TestServers } from './test-servers.ts';

/*
 * `run-with.ts PROGRAM ARGUMENTS…`: starts MariaDB, Redis, Kafka and a COS-protocol server, each with a password that stands nowhere else,
 * runs the program with a file in its environment that says where they are, so that every station of the tests stands on them, and ends them.
 */
const canary = (): string => `canary${randomBytes(18).toString('hex')}`;

const withPassword = (url: string, user: string, password: string): string => {
  const guarded = new URL(url);
  guarded.username = user;
  guarded.password = password;
  return guarded.href;
};

const guardMariadb = async ({ url }: Mariadb): Promise<string> => {
  const password = canary();
  const connection = await createConnection(url);
  await connection.query("create user 'codebay'@'127.0.0.1' identified by ?", [password]);
  await connection.query("grant all on *.* to 'codebay'@'127.0.0.1'");
  await connection.end();
  return withPassword(url, 'codebay', password);
};

const guardRedis = async ({ url, admin }: TestRedis): Promise<string> => {
  const password = canary();
  await admin.config('SET', 'requirepass', password);
  return withPassword(url, 'default', password);
};

const [program = '', ...args] = process.argv.slice(2);
await using stack = new AsyncDisposableStack();
const own = async <T extends { stop(): Promise<unknown> }>(starting: Promise<T>): Promise<T> => {
  const server = await starting;
  stack.defer(async () => void (await server.stop()));
  return server;
};
const starting = Promise.all([own(startMariadb()), own(startRedis()), own(startKafka()), own(startCosProcess())]);
const [mariadb, redis, kafka, cos] = await starting.catch((error: unknown) => {
  if (!(error instanceof ServerMissingError)) throw error;
  process.stderr.write(`Skipped: ${program} ${args.join(' ')}: ${error.message}\n`);
  process.exit(process.env.CI === 'true' ? 1 : 0);
});
const servers: TestServers = {
  mysqlUrl: await guardMariadb(mariadb),
  redisUrl: await guardRedis(redis),
  kafkaBroker: kafka.broker,
  cosSettings: cos.settings,
  folders: { mariadb: mariadb.dataDir, kafka: kafka.dataDir, cos: cos.folder },
};
const folder = await mkdtemp(join(tmpdir(), 'codebay-servers-'));
stack.defer(() => rm(folder, { recursive: true, force: true }));
const file = join(folder, 'servers.json');
await writeFile(file, JSON.stringify(servers), { mode: 0o600 });
const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, [SERVERS_VARIABLE]: file } });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
const [code] = (await once(child, 'exit')) as [number | null];
process.exitCode = code ?? 1;

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startCosProcess } from './cos/cos-process.ts';
import { startKafka } from './kafka.ts';
import { startMariadb } from './mariadb.ts';
import { startRedis } from './redis.ts';
import { SERVERS_VARIABLE, type TestServers } from './test-servers.ts';

/*
 * `run-with.ts PROGRAM ARGUMENTS…`: starts MariaDB, Redis, Kafka and a COS-protocol server, runs the program with their addresses in its
 * environment, so that every station of the tests stands on them, and ends them.
 */
const [program = '', ...args] = process.argv.slice(2);
await using stack = new AsyncDisposableStack();
const own = async <T extends { stop(): Promise<unknown> }>(starting: Promise<T>): Promise<T> => {
  const server = await starting;
  stack.defer(async () => void (await server.stop()));
  return server;
};
const [mariadb, redis, kafka, cos] = await Promise.all([own(startMariadb()), own(startRedis()), own(startKafka()), own(startCosProcess())]);
const servers: TestServers = {
  mysqlUrl: mariadb.url,
  redisUrl: redis.url,
  kafkaBroker: kafka.broker,
  cosSettings: cos.settings,
  folders: { mariadb: mariadb.dataDir, kafka: kafka.dataDir, cos: cos.folder },
};
const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, [SERVERS_VARIABLE]: JSON.stringify(servers) } });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
const [code] = (await once(child, 'exit')) as [number | null];
process.exitCode = code ?? 1;

import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { type GitServer, startGitServer } from '../../../demo/git-server.ts';
import { type CosProcess, startCosProcess } from '../../servers/cos/cos-process.ts';
import { type KafkaServer, startKafka } from '../../servers/kafka.ts';
import { type Mariadb, startMariadb } from '../../servers/mariadb.ts';
import { startRedis, type TestRedis } from '../../servers/redis.ts';
import { startTemporalServer, type TemporalServer } from '../../servers/temporal.ts';
import { type ScriptedModel, startScriptedModel } from '../../support/scripted-model.ts';
import { exposeToPods } from '../expose.ts';
import { createModelScripts, type ModelScripts } from './model-scripts.ts';

/** What a production cluster has outside of itself, on this machine, where pods reach it. */
export interface ServersBeside {
  readonly mysqlUrl: string;
  readonly redisUrl: string;
  readonly kafka: KafkaServer;
  readonly temporal: TemporalServer;
  /** Of the Temporal server, whose parts reach each other by loopback alone. */
  readonly temporalAddress: string;
  readonly cos: CosProcess;
  readonly git: GitServer;
  /** The git server's root: a repository `<gitRoot>/x.git` is served as `<git.url>/x.git`. */
  readonly gitRoot: string;
  readonly model: ScriptedModel;
  readonly scripts: ModelScripts;
}

const password = (): string => randomBytes(18).toString('hex');

const databaseFor = async (mariadb: Mariadb, address: string): Promise<string> => {
  const local = new URL(await mariadb.freshDatabase());
  const secret = password();
  const connection = await createConnection(mariadb.url);
  await connection.query("create user 'codebay'@'%' identified by ?", [secret]);
  await connection.query(`grant all on ${local.pathname.slice(1)}.* to 'codebay'@'%'`);
  await connection.end();
  return `mysql://codebay:${secret}@${address}:${local.port}${local.pathname}`;
};

const guardRedis = async ({ url, admin }: TestRedis, address: string): Promise<string> => {
  const secret = password();
  await admin.config('SET', 'requirepass', secret);
  const { port, pathname } = new URL(url);
  return `redis://:${secret}@${address}:${port}${pathname}`;
};

/** Starts them all on `address`; `stack` ends them. */
export const startServersBeside = async (address: string, folder: string, stack: AsyncDisposableStack): Promise<ServersBeside> => {
  const own = async <T extends { stop(): Promise<unknown> }>(starting: Promise<T>): Promise<T> => {
    const server = await starting;
    stack.defer(async () => void (await server.stop()));
    return server;
  };
  const gitRoot = join(folder, 'repositories');
  await mkdir(gitRoot);
  const scripts = createModelScripts();
  const [mariadb, redis, kafka, temporal, cos, git, model] = await Promise.all([
    own(startMariadb({ address })),
    own(startRedis({ address })),
    own(startKafka({ address })),
    own(startTemporalServer()),
    own(startCosProcess({ address })),
    startGitServer({ root: gitRoot, address }),
    startScriptedModel(scripts.script, undefined, address),
  ]);
  const exposed = stack.use(await exposeToPods(address, Number(temporal.address.split(':').at(-1))));
  stack.defer(() => git.close());
  stack.defer(() => model.close());
  const [mysqlUrl, redisUrl] = await Promise.all([databaseFor(mariadb, address), guardRedis(redis, address)]);
  return { mysqlUrl, redisUrl, kafka, temporal, temporalAddress: `${address}:${exposed.port}`, cos, git, gitRoot, model, scripts };
};

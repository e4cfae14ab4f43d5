import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { apiEnvironment, workerEnvironment } from '../../cli/up/environment.ts';
import { openMysqlStore } from '../../platform/mysql.ts';
import { writeOnce } from '../../platform/sandbox/atomic-file.ts';
import { dataPaths } from '../../platform/settings.ts';
import { type CodebayProcess, codebayProcess } from './codebay-process.ts';
import { startCosProcess } from './cos/cos-process.ts';
import { startKafka } from './kafka.ts';
import { startMariadb } from './mariadb.ts';
import { startNginx } from './nginx.ts';
import { startRedis } from './redis.ts';
import { freePort } from './server-process.ts';
import { startTemporalServer } from './temporal.ts';

/** Of the API, the worker and ingest each. */
const REPLICAS = [1, 2];
const PARTITIONS = 4;
const TOPICS = { tasks: 'codex-tasks', results: 'codex-results', dlq: 'codex-tasks-dlq' } as const;

/** The servers that the production profile stands on, each of its own, and the settings that lead a station to them. Ended by `stack`. */
const startServers = async (stack: AsyncDisposableStack) => {
  const own = async <T extends { stop(): Promise<unknown> }>(starting: Promise<T>): Promise<T> => {
    const server = await starting;
    stack.defer(async () => void (await server.stop()));
    return server;
  };
  const [mariadb, redis, kafka, temporal, cos] = await Promise.all([
    own(startMariadb()),
    own(startRedis()),
    own(startKafka()),
    own(startTemporalServer()),
    own(startCosProcess()),
  ]);
  const mysqlUrl = await mariadb.freshDatabase();
  const admin = kafka.client.admin();
  await admin.connect();
  await admin.createTopics({ topics: Object.values(TOPICS).map((topic) => ({ topic, numPartitions: PARTITIONS })), waitForLeaders: true });
  await admin.disconnect();
  const settings: Record<string, string> = {
    CODEBAY_STORE: 'mysql',
    CODEBAY_MYSQL_URL: mysqlUrl,
    CODEBAY_CACHE: 'redis',
    CODEBAY_REDIS_URL: redis.url,
    ...cos.settings,
    CODEBAY_KAFKA_BROKERS: kafka.broker,
    TEMPORAL_ADDRESS: temporal.address,
  };
  return { mariadb, redis, kafka, temporal, cos, mysqlUrl, topics: TOPICS, settings };
};

const firstKey = async (mysqlUrl: string): Promise<string> => {
  const stores = await openMysqlStore(mysqlUrl, { connections: 1 });
  try {
    return await stores.apiKeys.create('default');
  } finally {
    await stores.close();
  }
};

export interface Production extends AsyncDisposable {
  /** Of nginx, before the API replicas. */
  readonly url: string;
  readonly apiKey: string;
  readonly servers: Awaited<ReturnType<typeof startServers>>;
  readonly apis: readonly CodebayProcess[];
  readonly workers: readonly CodebayProcess[];
  readonly ingests: readonly CodebayProcess[];
  /** What the workers share: runs, scratch, the station's secret; logs of all. */
  readonly dataDir: string;
}

/**
 * The whole production profile on this machine: two API replicas behind nginx, two workers, two ingest processes, on MariaDB, Redis, Kafka,
 * Temporal and a COS-protocol server, all on free ports. Data and logs stand in `dataDir`; `env` is what a user would set for `codebay up`.
 * Disposing ends everything in order and leaves the folder.
 */
export const startProduction = async (
  dataDir: string,
  env: Readonly<Record<string, string | undefined>>,
  say: (line: string) => void = () => undefined,
): Promise<Production> => {
  await using stack = new AsyncDisposableStack();
  const paths = dataPaths(dataDir);
  await mkdir(paths.logs, { recursive: true, mode: 0o700 });
  await writeOnce(paths.secret, randomBytes(32).toString('hex'));
  say('Starting MariaDB, Redis, Kafka, Temporal and a COS-protocol server …');
  const servers = await startServers(stack);
  const apiKey = await firstKey(servers.mysqlUrl);

  say('Starting two replicas of the API behind nginx, two workers and two ingest processes …');
  const ports = await Promise.all(REPLICAS.map(async (name) => ({ name, api: await freePort(), gateway: await freePort() })));
  const nginx = await startNginx({ apiPorts: ports.map(({ api }) => api), gatewayPorts: ports.map(({ gateway }) => gateway) });
  stack.defer(() => nginx.stop());
  const settings = {
    ...servers.settings,
    CODEBAY_DATA: dataDir,
    CODEBAY_PUBLIC_URL: nginx.url,
    CODEBAY_GATEWAY_URL: nginx.gatewayUrl ?? '',
    CODEBAY_INGEST_PORT: '0',
  };
  const replica = (what: string, entry: string, environment: Readonly<Record<string, string>>) => (name: number) =>
    codebayProcess({ name: `${what}-${name}`, entry, env: environment, folder: paths.logs });
  const apis = ports.map(({ name, api, gateway }) => {
    const own = { CODEBAY_PORT: String(api), CODEBAY_GATEWAY_PORT: String(gateway) };
    return replica('api', 'api/server.ts', apiEnvironment(env, { ...settings, ...own }))(name);
  });
  const workers = REPLICAS.map(replica('worker', 'temporal/worker.ts', workerEnvironment(env, settings)));
  const ingests = REPLICAS.map(replica('ingest', 'temporal/ingest.ts', workerEnvironment(env, settings)));
  // In the order in which they need each other: a worker that ends stops its runs, which still need the gateway.
  for (const kind of [apis, workers, ingests]) {
    stack.defer(async () => void (await Promise.all(kind.map((process) => process.stop()))));
    await Promise.all(kind.map((process) => process.start()));
  }
  const owned = stack.move();
  return { url: nginx.url, apiKey, servers, apis, workers, ingests, dataDir, [Symbol.asyncDispose]: () => owned.disposeAsync() };
};

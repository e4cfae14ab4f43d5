import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { KAFKA_VERSION, kafkaLibs } from '../../scripts/setup/servers.mjs';
import {
  findServer,
  freePort,
  LOOPBACK,
  ServerMissingError,
  type ServerOptions,
  type ServerProcess,
  startServerProcess,
} from './server-process.ts';

export interface KafkaServer {
  /** `host:port`. */
  readonly broker: string;
  readonly dataDir: string;
  /** A client that says nothing, for looking from outside. */
  readonly client: Kafka;
  /** A name that no other test has used, for topics and groups. */
  freshName(what: string): string;
  /** `kill -9`; the files stay. */
  kill(): Promise<void>;
  /** Starts it again, on the same ports and files. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Tests value a quick start over throughput. */
const JVM = ['-Xmx256m', '-Xms64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];

const propertiesOf = (broker: string, controllerPort: number, logs: string): string =>
  Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://${broker},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${broker}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': logs,
    'auto.create.topics.enable': false,
    'offsets.topic.num.partitions': 1,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // A test that starts one consumer waits for no second one.
    'group.initial.rebalance.delay.ms': 0,
    // A broker that comes back after a kill waits for the session of its dead self to end.
    'broker.session.timeout.ms': 2000,
    'broker.heartbeat.interval.ms': 500,
    'num.network.threads': 2,
    'num.io.threads': 2,
    'log.cleaner.dedupe.buffer.size': 16 * 1024 * 1024,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');

const kafkaUuid = (): string => randomBytes(16).toString('base64url');

/** What Kafka's own tool writes when it formats a folder; the tool is one more JVM. */
const metaProperties = (): string => `version=1\nnode.id=1\ncluster.id=${kafkaUuid()}\ndirectory.id=${kafkaUuid()}\n`;

const answers = async (client: Kafka): Promise<boolean> => {
  const admin = client.admin({ retry: { retries: 0 } });
  try {
    await admin.connect();
    // The one coordinator of all groups is the last to be there.
    await admin.fetchOffsets({ groupId: 'readiness-probe', topics: [] });
    return true;
  } catch {
    return false;
  } finally {
    await admin.disconnect();
  }
};

/** A Kafka server of its own (one node, KRaft) on free ports and fresh files, which `stop` removes. */
export const startKafka = async ({ address = LOOPBACK }: ServerOptions = {}): Promise<KafkaServer> => {
  const java = findServer('java');
  const libs = kafkaLibs();
  if (!existsSync(libs)) throw new ServerMissingError(`Kafka ${KAFKA_VERSION}`);
  const dataDir = await mkdtemp(join(tmpdir(), 'codebay-kafka-'));
  const properties = join(dataDir, 'server.properties');
  const classes = ['-cp', join(libs, '*')];
  const broker = `${address}:${await freePort(address)}`;
  const controllerPort = await freePort();
  const client = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING, connectionTimeout: 1000 });
  await mkdir(join(dataDir, 'logs'));
  await writeFile(properties, propertiesOf(broker, controllerPort, join(dataDir, 'logs')));
  await writeFile(join(dataDir, 'logs', 'meta.properties'), metaProperties());
  let running: ServerProcess | null = null;
  const start = async (): Promise<void> => {
    running = await startServerProcess({
      command: [java, ...JVM, ...classes, 'kafka.Kafka', properties],
      cwd: dataDir,
      isReady: () => answers(client),
    });
  };
  await start();
  return {
    broker,
    dataDir,
    client,
    freshName: (what) => `${what}-${randomBytes(4).toString('hex')}`,
    kill: async () => running?.end('SIGKILL'),
    start,
    stop: async () => {
      await running?.end('SIGKILL');
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

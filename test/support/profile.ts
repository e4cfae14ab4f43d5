import { basename } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { createConnection } from 'mysql2/promise';
import { type TestServers, testServers } from '../servers/test-servers.ts';

const PARTITIONS = 2;

const createDatabase = async (url: string, name: string): Promise<void> => {
  const connection = await createConnection(url);
  await connection.query(`create database if not exists ${name} character set utf8mb4`);
  await connection.end();
};

const createTopics = async (broker: string, topics: readonly string[]): Promise<void> => {
  const admin = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ topics: topics.map((topic) => ({ topic, numPartitions: PARTITIONS })), waitForLeaders: true });
  await admin.disconnect();
};

const settingsOn = async (servers: TestServers, dataDir: string): Promise<Record<string, string>> => {
  const name = basename(dataDir).replace(/\W/g, '_');
  const topics = { TASKS: `${name}-tasks`, RESULTS: `${name}-results`, DLQ: `${name}-dlq` };
  await Promise.all([createDatabase(servers.mysqlUrl, name), createTopics(servers.kafkaBroker, Object.values(topics))]);
  return {
    CODEBAY_STORE: 'mysql',
    CODEBAY_MYSQL_URL: `${servers.mysqlUrl}${name}`,
    CODEBAY_CACHE: 'redis',
    CODEBAY_REDIS_URL: servers.redisUrl,
    CODEBAY_REDIS_PREFIX: `${name}:`,
    ...servers.cosSettings,
    CODEBAY_KAFKA_BROKERS: servers.kafkaBroker,
    ...Object.fromEntries(Object.entries(topics).map(([what, topic]) => [`CODEBAY_KAFKA_${what}_TOPIC`, topic])),
  };
};

/** The settings of a test's station: on the servers of `run-with.ts`, each data folder with a database, prefix and topics of its own; none without them. */
export const profileSettings = async (dataDir: string): Promise<Record<string, string>> => {
  const servers = testServers();
  return servers === null ? {} : settingsOn(servers, dataDir);
};

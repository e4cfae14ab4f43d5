import { setTimeout as pause } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { createKafka } from '../../platform/kafka/client.ts';
import { reachMysql } from '../../platform/mysql/reach.ts';
import { openObjects } from '../../platform/open-objects.ts';
import { connectRedis } from '../../platform/redis/connection.ts';
import { type Settings, SettingsError } from '../../platform/settings.ts';
import { uploadKey } from '../../tasks/object-keys.ts';
import { broken, type Check, type Finding, ok } from './check.ts';

const PATIENCE_MS = 5_000;
/** An id that no task gets. */
const PROBE_ID = 'readiness-probe';
const GRPC_NOT_FOUND = 5;
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined };

const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');

const store = async ({ CODEBAY_MYSQL_URL: url }: Settings): Promise<Finding> => {
  if (url === undefined) throw new SettingsError('CODEBAY_MYSQL_URL: is needed where CODEBAY_STORE is mysql');
  try {
    await reachMysql(url);
    return ok('answers, and takes the login');
  } catch (error) {
    return broken(`the store can't be used: ${sentence(error)}.`, 'Check CODEBAY_MYSQL_URL: host, login, and that the database exists.');
  }
};

const redis = async ({ CODEBAY_REDIS_URL: url, CODEBAY_REDIS_PREFIX: prefix }: Settings): Promise<Finding> => {
  if (url === undefined) throw new SettingsError('CODEBAY_REDIS_URL: is needed by CODEBAY_CACHE=redis');
  const connection = await connectRedis({ url, prefix, commandMs: PATIENCE_MS, log: silent });
  const { client } = connection;
  try {
    // It has gone on without a Redis that was slow to answer, and asks it again.
    const ready = new Promise<void>((resolve) => void client.once('ready', resolve));
    if (client.status !== 'ready') await Promise.race([ready, pause(PATIENCE_MS, undefined, { ref: false })]);
    await client.ping();
    return ok('answers, and takes the login');
  } catch {
    return broken(
      'Redis does not answer, or refuses the login.',
      'Check CODEBAY_REDIS_URL, or leave Redis out: it only makes things quicker.',
    );
  } finally {
    connection.close();
  }
};

const objects = async (settings: Settings): Promise<Finding> => {
  try {
    const opened = await openObjects(settings, { publicUrl: '', secret: '' });
    await opened.objects.stat(uploadKey(PROBE_ID));
    return ok('answers, and takes the key');
  } catch (error) {
    return broken(`COS can't be used: ${sentence(error)}.`, '`codebay admin cos` prints what its key must be allowed.');
  }
};

const temporal = async ({ TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace }: Settings): Promise<Finding> => {
  let connection: Connection;
  try {
    connection = await Connection.connect({ address, connectTimeout: PATIENCE_MS });
  } catch {
    return broken(`Temporal does not answer at ${address}.`, 'Check TEMPORAL_ADDRESS.');
  }
  try {
    await connection.workflowService.describeNamespace({ namespace });
    return ok(`answers, and has the namespace ${namespace}`);
  } catch (error) {
    const absent = (error as { readonly code?: number }).code === GRPC_NOT_FOUND;
    return absent
      ? broken(`Temporal has no namespace ${namespace}.`, `Make it with \`temporal operator namespace create -n ${namespace}\`.`)
      : broken(`Temporal refuses to describe the namespace ${namespace}: ${sentence(error)}.`, 'Check TEMPORAL_NAMESPACE.');
  } finally {
    await connection.close();
  }
};

const kafka = async ({ CODEBAY_KAFKA_BROKERS: brokers }: Settings): Promise<Finding> => {
  const admin = createKafka({ brokers, clientId: 'codebay-preflight', log: silent }).admin();
  try {
    await admin.connect();
    return ok('answers');
  } catch {
    return broken(`Kafka does not answer at ${brokers.join(', ')}.`, 'Check CODEBAY_KAFKA_BROKERS.');
  } finally {
    await admin.disconnect();
  }
};

/** The servers that these settings name. Nothing is changed on any of them. */
export const serverChecks = (settings: Settings): readonly Check[] => [
  ...(settings.CODEBAY_STORE === 'mysql' ? [{ name: 'Store', look: () => store(settings) }] : []),
  ...(settings.CODEBAY_CACHE === 'redis' ? [{ name: 'Redis', look: () => redis(settings) }] : []),
  ...(settings.CODEBAY_OBJECTS === 'cos' ? [{ name: 'COS', look: () => objects(settings) }] : []),
  { name: 'Temporal', look: () => temporal(settings) },
  ...(settings.CODEBAY_KAFKA_BROKERS.length > 0 ? [{ name: 'Kafka', look: () => kafka(settings) }] : []),
];

import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { createKafka } from '../platform/kafka/client.ts';
import { createKafkaDeadLetters } from '../platform/kafka/dead-letters.ts';
import { createKafkaTaskFeed } from '../platform/kafka/task-feed.ts';
import { createLog } from '../platform/log.ts';
import { openStores } from '../platform/open-stores.ts';
import { loadSettings, SettingsError } from '../platform/settings.ts';
import { answersInTime } from '../tasks/answers-in-time.ts';
import { createTemporalEngine } from './engine.ts';
import { listenForHealth } from './health-listener.ts';
import { gatherAcknowledgements } from './ingest/acknowledgements.ts';
import { createIntake } from './ingest/intake.ts';
import { createIngestMetrics } from './ingest/metrics.ts';
import { createRestingEngine } from './ingest/resting-engine.ts';
import { createStarter } from './starter.ts';

const CHECK_MS = 1_000;
/** An id that no task gets. */
const PROBE_ID = 'readiness-probe';

const settings = loadSettings(process.env);
if (settings.CODEBAY_KAFKA_BROKERS.length === 0) throw new SettingsError('CODEBAY_KAFKA_BROKERS: is needed to take tasks from Kafka');
const log = createLog('ingest', settings.CODEBAY_LOG_LEVEL);
const draining = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => draining.abort());

const stores = await openStores(settings);
// Lazy: tasks are accepted while Temporal is down.
const connection = Connection.lazy({ address: settings.TEMPORAL_ADDRESS });
const engine = createRestingEngine(
  createTemporalEngine({
    client: new Client({ connection, namespace: settings.TEMPORAL_NAMESPACE }),
    taskQueue: settings.CODEBAY_TASK_QUEUE,
  }),
);

const kafka = createKafka({ brokers: settings.CODEBAY_KAFKA_BROKERS, clientId: 'codebay-ingest', log });
const deadLetters = createKafkaDeadLetters(kafka, settings.CODEBAY_KAFKA_DLQ_TOPIC);
const feed = createKafkaTaskFeed({ kafka, topic: settings.CODEBAY_KAFKA_TASKS_TOPIC, groupId: settings.CODEBAY_KAFKA_GROUP, log });
const metrics = createIngestMetrics(feed);
const acknowledgements = gatherAcknowledgements({ outbox: stores.outbox, log });
const { CODEBAY_KAFKA_OWNER: owner, CODEBAY_KAFKA_OWNER_SECRET: secret } = settings;
const take = createIntake({
  tasks: stores.tasks,
  starter: createStarter({ tasks: stores.tasks, outbox: acknowledgements.outbox, engine, log }),
  deadLetters,
  offer: {
    models: z.tuple([z.string()], z.string()).parse(settings.CODEBAY_MODELS),
    prices: settings.CODEBAY_MODEL_PRICES,
    gitAllowedHosts: settings.CODEBAY_GIT_ALLOWED_HOSTS,
  },
  owners: secret === undefined ? { owner } : { secret },
  counters: metrics.counters,
  log,
});

const listener = await listenForHealth({
  port: settings.CODEBAY_INGEST_PORT,
  host: settings.CODEBAY_HOST,
  metrics,
  failing: async () => [
    ...((await answersInTime(stores.tasks.get(PROBE_ID), CHECK_MS)) ? [] : ['store']),
    ...(feed.isJoined() ? [] : ['kafka']),
    ...(draining.signal.aborted ? ['drain'] : []),
  ],
  log,
});

feed.start(take);
process.stdout.write(`${JSON.stringify({ ready: true, port: listener.port })}\n`);
if (!draining.signal.aborted) await once(draining.signal, 'abort');

// What is at hand comes to its end in this time; a member of the group that can't leave in order is thrown out by the brokers.
await Promise.race([feed.close(), pause(settings.CODEBAY_DRAIN_SECONDS * 1000, undefined, { ref: false })]);
await Promise.all([deadLetters.close(), acknowledgements.close()]);
await listener.close();
await connection.close();
await stores.close();
log.info({}, 'ingest has shut down');
// kafkajs may still be waiting to try again what nobody wants any more.
process.exit(0);

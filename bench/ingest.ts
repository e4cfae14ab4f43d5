import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { createKafka } from '../platform/kafka/client.ts';
import type { Engine } from '../tasks/ports/engine.ts';
import { createTemporalEngine } from '../temporal/engine.ts';
import { type KafkaServer, startKafka } from '../test/servers/kafka.ts';
import { freshTopics, quiet, startIngest } from '../test/support/ingest.ts';
import { countsOf, produce } from '../test/support/kafka-topic.ts';
import { openStationData } from '../test/support/station-data.ts';
import { startTemporal } from '../test/support/temporal.ts';
import { until } from '../test/support/until.ts';
import { compare, type Ratio } from './rounds.ts';

const MESSAGES = 400;
/** As ours takes them, in as many partitions at once. */
const AT_ONCE = 16;
const PARTITIONS = 2;
const body = JSON.stringify({
  source: { type: 'git', url: 'https://example.com/a/b.git' },
  prompt: 'Mend the failing test',
  mode: 'modify',
});

interface Servers {
  readonly kafka: KafkaServer;
  readonly temporal: TestWorkflowEnvironment;
}

const filledTopics = async ({ kafka }: Servers) => {
  const topics = await freshTopics(kafka, PARTITIONS);
  const messages = Array.from({ length: MESSAGES }, (_, n) => ({ key: randomUUID(), value: body, partition: n % PARTITIONS }));
  await produce(kafka.client, topics.tasks, messages);
  return topics;
};

/** Seconds from the first message to the last commit, as messages a second. */
const ratePerSecond = (startedAt: number): number => MESSAGES / ((performance.now() - startedAt) / 1000);

const ours = async (servers: Servers): Promise<number> => {
  await using data = await openStationData();
  const topics = await filledTopics(servers);
  const engine = createTemporalEngine({ client: servers.temporal.client, taskQueue: randomUUID() });
  const kafka = createKafka({ brokers: [servers.kafka.broker], clientId: 'bench', log: quiet });
  const first = Promise.withResolvers<number>();
  const timed: Engine = {
    ...engine,
    start: (taskId, input) => {
      first.resolve(performance.now());
      return engine.start(taskId, input);
    },
  };
  const ingest = startIngest({ kafka, topics, stores: data.stores, engine: timed });
  const startedAt = await first.promise;
  await until('all is taken', () => ingest.accepted() === MESSAGES, 120_000);
  const rate = ratePerSecond(startedAt);
  await ingest.close();
  await expectCommitted(servers, topics);
  return rate;
};

const expectCommitted = async ({ kafka }: Servers, topics: { readonly tasks: string; readonly group: string }): Promise<void> => {
  const { behind } = await countsOf(kafka.client, topics.tasks, topics.group);
  if (behind !== 0) throw new Error(`${behind} messages are not committed`);
};

/** kafkajs's eachBatch with as many at once, one insert of the same row with the same durability, and the start. */
const bare = async (servers: Servers): Promise<number> => {
  await using data = await openStationData();
  const topics = await filledTopics(servers);
  const database = new DatabaseSync(join(data.folder, 'store.db'));
  database.exec('pragma synchronous = full');
  const insert = database.prepare(
    `insert or ignore into tasks (id, owner, spec, repo, status, artifacts, revision, timings, start_acknowledged, last_event_seq, claimed_until, created_at, updated_at)
     values (?, 'ada', ?, 'example.com/a/b', 'QUEUED', '[]', 0, '{}', 0, 0, 0, ?, ?)`,
  );
  const taskQueue = randomUUID();
  const consumer = servers.kafka.client.consumer({ groupId: topics.group, maxWaitTimeInMs: 500 });
  await consumer.connect();
  await consumer.subscribe({ topic: topics.tasks, fromBeginning: true });
  let accepted = 0;
  const first = Promise.withResolvers<number>();
  const done = Promise.withResolvers<void>();
  await consumer.run({
    partitionsConsumedConcurrently: PARTITIONS,
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
      first.resolve(performance.now());
      for (let at = 0; at < batch.messages.length; at += AT_ONCE) {
        const group = batch.messages.slice(at, at + AT_ONCE);
        await Promise.all(
          group.map(async ({ key, value }) => {
            const workflowId = String(key);
            insert.run(workflowId, String(value), Date.now(), Date.now());
            await servers.temporal.client.workflow.start('codeTask', {
              workflowId,
              taskQueue,
              args: [{ version: 1, spec: JSON.parse(String(value)) }],
              // Whoever reads a message at least once needs these.
              workflowIdConflictPolicy: 'USE_EXISTING',
              workflowIdReusePolicy: 'REJECT_DUPLICATE',
            });
          }),
        );
        resolveOffset(group.at(-1)?.offset ?? '');
        await heartbeat();
        accepted += group.length;
      }
      if (accepted === MESSAGES) done.resolve();
    },
  });
  const startedAt = await first.promise;
  await done.promise;
  const rate = ratePerSecond(startedAt);
  await consumer.disconnect();
  database.close();
  await expectCommitted(servers, topics);
  return rate;
};

/** From a message in Kafka to its row and its workflow, against raw kafkajs with a bare insert and `workflow.start`: messages a second. */
export const run = async (): Promise<readonly Ratio[]> => {
  await using stack = new AsyncDisposableStack();
  const temporal = await startTemporal();
  stack.defer(() => temporal.teardown());
  const kafka = await startKafka();
  stack.defer(() => kafka.stop());
  const servers = { kafka, temporal };
  return [await compare({ name: 'ingest', unit: 'messages/s', ours: () => ours(servers), bare: () => bare(servers) })];
};

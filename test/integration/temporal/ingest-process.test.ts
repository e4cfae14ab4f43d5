import { dataPaths } from '../../../platform/settings.ts';
import { openSqliteStore } from '../../../platform/sqlite.ts';
import { taskIdOfMessage } from '../../../tasks/task-message.ts';
import { type KafkaServer, startKafka } from '../../servers/kafka.ts';
import { createDataFolder } from '../../support/api-process.ts';
import { freshTopics } from '../../support/ingest.ts';
import { startIngestProcess } from '../../support/ingest-process.ts';
import { countsOf, produce, readTopic } from '../../support/kafka-topic.ts';
import { until } from '../../support/until.ts';

let kafka: KafkaServer;
beforeAll(async () => {
  kafka = await startKafka();
});
afterAll(() => kafka.stop());

const messageOf = (n: number) => ({
  key: `client-${n}`,
  value: JSON.stringify({ source: { type: 'git', url: 'https://example.com/a/b.git' }, prompt: `Mend ${n}` }),
});
const range = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, n) => from + n);

/** A data folder, fresh topics of four partitions, and ingest processes on both, all ended with the scope. */
const openBench = async () => {
  const stack = new AsyncDisposableStack();
  const data = await createDataFolder();
  stack.defer(() => data.remove());
  const topics = await freshTopics(kafka, 4);
  const env = {
    CODEBAY_DATA: data.folder,
    CODEBAY_KAFKA_BROKERS: kafka.broker,
    CODEBAY_KAFKA_TASKS_TOPIC: topics.tasks,
    CODEBAY_KAFKA_DLQ_TOPIC: topics.dlq,
    CODEBAY_KAFKA_GROUP: topics.group,
    CODEBAY_KAFKA_OWNER: 'ada',
  };
  return {
    topics,
    startIngest: async () => {
      const ingest = await startIngestProcess(env);
      stack.defer(async () => {
        await ingest.end('SIGKILL');
      });
      return ingest;
    },
    send: (from: number, to: number) => produce(kafka.client, topics.tasks, range(from, to).map(messageOf)),
    accepted: async (): Promise<number> => (await data.stores.tasks.list({ owner: 'ada', limit: 10_000 })).tasks.length,
    drained: () =>
      until('every message is committed', async () => (await countsOf(kafka.client, topics.tasks, topics.group)).behind === 0, 60_000),
    /** Each message is one task, and nothing else came of any. */
    expectEach: async (count: number) => {
      const stores = await openSqliteStore(dataPaths(data.folder).store);
      try {
        const { tasks } = await stores.tasks.list({ owner: null, limit: 10_000 });
        expect(tasks.map(({ id }) => id).sort()).toEqual(
          range(0, count)
            .map((n) => taskIdOfMessage('ada', `client-${n}`))
            .sort(),
        );
      } finally {
        await stores.close();
      }
      expect(await readTopic(kafka.client, topics.dlq)).toEqual([]);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};

test('it says where it listens, tells how it is, and after SIGTERM commits and exits with 0', async () => {
  await using bench = await openBench();
  const ingest = await bench.startIngest();
  expect(await ingest.ask('/livez')).toEqual({ status: 200, text: '{"status":"live"}' });
  await until('it has joined', () => ingest.isReady());
  await bench.send(0, 300);
  await until('messages are at hand', async () => (await bench.accepted()) > 0);
  expect(await ingest.end('SIGTERM')).toEqual({ code: 0, signal: null });
  const { behind } = await countsOf(kafka.client, bench.topics.tasks, bench.topics.group);
  expect(await bench.accepted()).toBe(300 - behind);

  const successor = await bench.startIngest();
  await bench.drained();
  expect(await successor.metric('codebay_ingest_messages_total{outcome="accepted"}')).toBe(behind);
  expect(await successor.metric('codebay_ingest_messages_total{outcome="duplicate"}')).toBe(0);
  await bench.expectEach(300);
});

test('of two processes one is asked to end and one is killed amid the messages: each message is one task', async () => {
  await using bench = await openBench();
  const [first, second] = await Promise.all([bench.startIngest(), bench.startIngest()]);
  const both = [first, second] as const;
  await until('both have partitions', async () => {
    const counts = await Promise.all(both.map((ingest) => ingest.metric('codebay_ingest_joined')));
    return counts.every((count) => count === 1);
  });
  await bench.send(0, 400);
  await until('messages are at hand', async () => (await bench.accepted()) > 20);
  const third = await bench.startIngest();
  expect((await first.end('SIGTERM')).code).toBe(0);
  await bench.send(400, 600);
  await second.end('SIGKILL');
  await bench.send(600, 700);
  await bench.drained();
  await bench.expectEach(700);
  expect(await third.isReady()).toBe(true);
}, 120_000);

test('the broker is killed and restarted amid the messages: nothing is lost, each message is one task', async () => {
  await using bench = await openBench();
  const ingest = await bench.startIngest();
  await bench.send(0, 500);
  await until('messages are at hand', async () => (await bench.accepted()) > 20);
  await kafka.kill();
  expect((await ingest.ask('/livez')).status).toBe(200);
  await kafka.start();
  await bench.send(500, 600);
  await bench.drained();
  await bench.expectEach(600);
  expect((await ingest.end('SIGTERM')).code).toBe(0);
}, 120_000);

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { createFinishTask } from '../../../activities/finish-task.ts';
import { createKafka } from '../../../platform/kafka/client.ts';
import { createKafkaResultFeed } from '../../../platform/kafka/result-feed.ts';
import { openSqliteStore } from '../../../platform/sqlite.ts';
import { FeedUnavailableError } from '../../../tasks/ports/feed-unavailable-error.ts';
import type { ResultFeed } from '../../../tasks/ports/result-feed.ts';
import { taskResultOf, taskResultSchema } from '../../../tasks/task-result.ts';
import { createResultSweeper } from '../../../temporal/result-sweeper.ts';
import { type KafkaServer, startKafka } from '../../servers/kafka.ts';
import { createCutConnection } from '../../support/cut-connection.ts';
import { quiet } from '../../support/ingest.ts';
import { createTopic, readTopic } from '../../support/kafka-topic.ts';
import { createRecordingRunner, openStationData, spec } from '../../support/station-data.ts';
import { until } from '../../support/until.ts';

let kafka: KafkaServer;
beforeAll(async () => {
  kafka = await startKafka();
});
afterAll(() => kafka.stop());

/** A store whose results are due, a fresh topic, and a feed to it. */
const openBench = async () => {
  const stack = new AsyncDisposableStack();
  const data = stack.use(await openStationData());
  const file = join(data.folder, 'store.db');
  const stores = await openSqliteStore(file, { resultsDue: true });
  stack.defer(() => stores.close());
  const topic = kafka.freshName('results');
  await createTopic(kafka.client, topic, 3);
  const feed = createKafkaResultFeed(createKafka({ brokers: [kafka.broker], clientId: 'test', log: quiet }), topic);
  stack.defer(() => feed.close());
  const publication = { outbox: stores.results, feed };
  const { runner } = createRecordingRunner();
  const finish = createFinishTask({ ...stores, objects: data.objects, runner, publication, now: Date.now });
  return {
    file,
    topic,
    stores,
    feed,
    insert: async () => {
      const id = randomUUID();
      await stores.tasks.insert({ id, owner: 'ada', spec: { ...spec, labels: { ticket: '7' } } });
      return id;
    },
    finish: (taskId: string) =>
      finish({ task_id: taskId, revision: 9, status: 'COMPLETED', failure: null, verification: null, artifacts: [] }),
    published: async () =>
      (await readTopic(kafka.client, topic)).map(({ key, value }) => ({ key, result: taskResultSchema.parse(JSON.parse(String(value))) })),
    due: async () => (await stores.results.claimDue({ by: randomUUID(), leaseMs: 0, olderThanMs: 0, limit: 100 })).length,
    /** Sweeps until nothing is due any more. */
    sweep: async () => {
      const done = new AbortController();
      const sweeping = createResultSweeper({ publication, log: quiet, by: randomUUID() }).run(done.signal);
      await until('no result is due', async () => (await openDue(file)) === 0);
      done.abort();
      await sweeping;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};

/** How many results are due, claimed or not. */
const openDue = async (file: string): Promise<number> => {
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return Number(database.prepare('select count(*) as due from tasks where result_due_at is not null').get()?.due);
  } finally {
    database.close();
  }
};

test('a task that ends is told at once, keyed by its id, and once however often its last step is repeated', async () => {
  await using bench = await openBench();
  const id = await bench.insert();
  await bench.finish(id);
  await bench.finish(id);
  const row = await bench.stores.tasks.get(id);
  expect(await bench.published()).toEqual([{ key: id, result: row && taskResultOf(row) }]);
  expect(await bench.published()).toMatchObject([
    { result: { status: 'COMPLETED', owner: 'ada', pull_request: null, labels: { ticket: '7' } } },
  ]);
  expect(await openDue(bench.file)).toBe(0);
});

test('while the broker is away a task ends all the same; the sweeper tells of it later, and of one that ended without a workflow', async () => {
  await using bench = await openBench();
  const ids = [await bench.insert(), await bench.insert()] as const;
  await kafka.kill();
  await bench.finish(ids[0]);
  await bench.stores.outbox.endWithoutWorkflow(ids[1], 'TERMINATED');
  expect(await openDue(bench.file)).toBe(2);
  await kafka.start();
  await bench.sweep();
  const published = await bench.published();
  expect(new Set(published.map(({ key }) => key))).toEqual(new Set(ids));
  expect(published.find(({ key }) => key === ids[1])?.result.failure?.reason).toBe('TERMINATED');
}, 90_000);

test('a process killed between publishing and writing that down: the result comes again, with the same event id', async () => {
  await using bench = await openBench();
  const id = await bench.insert();
  await bench.stores.tasks.update(id, 1, { status: 'COMPLETED' });
  const program = join(import.meta.dirname, '../../support/publish-process.ts');
  const child = spawn(process.execPath, [program, bench.file, kafka.broker, bench.topic, id], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await bench.published()).toHaveLength(1);
  await bench.sweep();
  const published = await bench.published();
  expect(published).toHaveLength(2);
  expect(published[1]).toEqual(published[0]);
});

test('an acknowledgement that is lost does not make the broker take the next result for the one it has', async () => {
  await using bench = await openBench();
  const connection = createCutConnection();
  const { socketFactory } = connection;
  const feed: ResultFeed = createKafkaResultFeed(
    new Kafka({
      brokers: [kafka.broker],
      logLevel: logLevel.NOTHING,
      socketFactory,
      requestTimeout: 1000,
      retry: { retries: 2, initialRetryTime: 50 },
    }),
    bench.topic,
  );
  const resultOf = async () => {
    const id = await bench.insert();
    await bench.stores.tasks.update(id, 1, { status: 'COMPLETED' });
    const row = await bench.stores.tasks.get(id);
    if (row === null) throw new Error('no row');
    return taskResultOf(row);
  };
  const results = [];
  for (let n = 0; n < 12; n += 1) results.push(await resultOf());
  try {
    await feed.publish(results.slice(0, 3));
    connection.set(true);
    await expect(feed.publish(results.slice(3, 6))).rejects.toThrow(FeedUnavailableError);
    expect(connection.answersLost()).toBeGreaterThan(0);
    connection.set(false);
    await feed.publish(results.slice(6));
    await feed.publish(results.slice(3, 6));
  } finally {
    await feed.close();
  }
  const ids = (await bench.published()).map(({ result }) => result.event_id);
  expect(new Set(ids)).toEqual(new Set(results.map(({ event_id }) => event_id)));
});

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Message } from 'kafkajs';
import { TASK_MAX_BYTES } from '../../../tasks/limits.ts';
import { OWNER_HEADER, SIGNATURE_HEADER, signOwner } from '../../../tasks/message-owner.ts';
import { taskIdOfMessage } from '../../../tasks/task-message.ts';
import { type KafkaServer, startKafka } from '../../servers/kafka.ts';
import { freshTopics, startIngest } from '../../support/ingest.ts';
import { countsOf, produce, readTopic } from '../../support/kafka-topic.ts';
import { openStationData } from '../../support/station-data.ts';
import { until } from '../../support/until.ts';

let kafka: KafkaServer;
beforeAll(async () => {
  kafka = await startKafka();
});
afterAll(() => kafka.stop());

const spec = { source: { type: 'git', url: 'https://example.com/a/b.git' }, prompt: 'Mend it' };
const bodyOf = (change: object = {}): string => JSON.stringify({ id: 'one', ...spec, ...change });

/** A running ingest over fresh topics and a fresh store, with Temporal away. */
const withIngest = async (
  options: { readonly partitions?: number; readonly owners?: { readonly secret: string }; readonly config?: Record<string, string> } = {},
) => {
  const stack = new AsyncDisposableStack();
  const data = stack.use(await openStationData());
  const topics = await freshTopics(kafka, options.partitions, options.config);
  const ingest = startIngest({ kafka: kafka.client, topics, stores: data.stores, ...(options.owners ? { owners: options.owners } : {}) });
  stack.defer(() => ingest.close());
  const drained = (timeoutMs?: number) =>
    until('every message is committed', async () => (await countsOf(kafka.client, topics.tasks, topics.group)).behind === 0, timeoutMs);
  return {
    data,
    topics,
    ingest,
    drained,
    send: async (...messages: Message[]) => {
      await produce(kafka.client, topics.tasks, messages);
      await drained();
    },
    deadLetters: () => readTopic(kafka.client, topics.dlq),
    tasks: async () => (await data.stores.tasks.list({ owner: null, limit: 1000 })).tasks,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};

test.each<[string, Message]>([
  ['with its id in the value', { value: bodyOf() }],
  ['with its id in the key', { key: 'one', value: JSON.stringify(spec) }],
  ['with both: the value counts', { key: 'two', value: bodyOf() }],
])('a message %s is a task, also while Temporal is away', async (_, message) => {
  await using bench = await withIngest();
  await bench.send(message);
  expect(await bench.tasks()).toMatchObject([
    { id: taskIdOfMessage('ada', 'one'), owner: 'ada', status: 'QUEUED', start_acknowledged: false, spec: { ...spec, mode: 'modify' } },
  ]);
  expect(await bench.ingest.metric('codebay_ingest_messages_total{outcome="accepted"}')).toBe(1);
  expect(await bench.deadLetters()).toEqual([]);
});

const signed = (owner: string, value: string, secret: string): Message => ({
  value,
  headers: { [OWNER_HEADER]: owner, [SIGNATURE_HEADER]: signOwner(secret, owner, Buffer.from(value)) },
});

test('what can never be a task becomes a dead letter with its reason and origin, and the partition moves on', async () => {
  await using bench = await withIngest({ config: { 'max.message.bytes': String(4 * TASK_MAX_BYTES) } });
  const table: readonly [reason: string, detail: string, message: Message][] = [
    ['EMPTY', 'no value', { key: 'k', value: null }],
    ['EMPTY', 'no value', { key: 'k', value: '' }],
    ['NOT_JSON', 'not JSON', { value: '{"id": "one", ' }],
    ['NOT_JSON', 'not JSON', { value: Buffer.from([0x22, 0xff, 0x22]) }],
    ['INVALID_TASK', 'value', { value: '[]' }],
    ['INVALID_TASK', 'prompt', { value: bodyOf({ prompt: ' ' }) }],
    ['INVALID_TASK', 'id', { value: bodyOf({ id: 'a b' }) }],
    ['INVALID_TASK', 'colour', { value: bodyOf({ colour: 'red' }) }],
    ['ID_MISSING', 'id', { value: JSON.stringify(spec) }],
    ['ID_MISSING', 'key', { key: 'a key', value: JSON.stringify(spec) }],
    ['ZIP_UNSUPPORTED', 'uploaded', { value: bodyOf({ source: { type: 'zip' } }) }],
    ['UNSUPPORTED', 'pull_request', { value: bodyOf({ mode: 'pull_request' }) }],
    ['MODEL_UNKNOWN', 'm1', { value: bodyOf({ model: 'another' }) }],
    ['PRICE_UNKNOWN', 'price', { value: bodyOf({ limits: { cost_usd: 1 } }) }],
    ['SOURCE_REFUSED', 'private', { value: bodyOf({ source: { type: 'git', url: 'https://10.0.0.1/a' } }) }],
  ];
  const marked = table.map(([, , message], n) => ({ ...message, headers: { n: String(n), trace: 'kept' } }));
  await bench.send(...marked, { value: bodyOf({ id: 'last' }) });

  const letters = await bench.deadLetters();
  const byNumber = new Map(letters.map((letter) => [Number(letter.headers.n), letter]));
  expect(letters).toHaveLength(table.length);
  table.forEach(([reason, detail, message], n) => {
    const letter = byNumber.get(n);
    expect(letter).toMatchObject({ key: message.key ?? null, value: message.value?.toString() ?? null });
    expect(letter?.headers).toMatchObject({
      trace: 'kept',
      'codebay-reason': reason,
      'codebay-detail': expect.stringContaining(detail),
      'codebay-origin-topic': bench.topics.tasks,
      'codebay-origin-partition': '0',
      'codebay-origin-offset': String(n),
      'codebay-origin-timestamp': expect.stringMatching(/^\d{13}$/),
    });
  });
  expect((await bench.tasks()).map(({ id }) => id)).toEqual([taskIdOfMessage('ada', 'last')]);
  expect(await bench.ingest.metric('codebay_ingest_messages_total{outcome="dead_lettered"}')).toBe(table.length);
});

test('a message over the limit goes to the dead letters, and where they keep none of its size, what tells of it does', async () => {
  await using bench = await withIngest({ config: { 'max.message.bytes': String(4 * TASK_MAX_BYTES) } });
  const value = bodyOf({ prompt: 'x'.repeat(2 * TASK_MAX_BYTES) });
  await bench.send({ key: 'large', value, headers: { trace: 'dropped' } }, { value: bodyOf() });
  const [letter] = await bench.deadLetters();
  expect(letter).toMatchObject({
    key: null,
    value: null,
    headers: { 'codebay-reason': 'TOO_LARGE', 'codebay-origin-offset': '0', 'codebay-omitted-bytes': String(value.length) },
  });
  expect(await bench.tasks()).toHaveLength(1);
});

test('the same message again is the same task; another body under its id is a dead letter', async () => {
  await using bench = await withIngest();
  const reordered = JSON.stringify({ prompt: spec.prompt, mode: 'modify', source: spec.source, id: 'one' });
  await bench.send({ value: bodyOf() }, { value: bodyOf() }, { value: reordered }, { value: bodyOf({ prompt: 'Another' }) });
  await bench.send({ value: bodyOf() });
  expect(await bench.tasks()).toHaveLength(1);
  expect((await bench.deadLetters()).map(({ headers }) => headers['codebay-reason'])).toEqual(['IDEMPOTENCY_MISMATCH']);
  expect(await bench.ingest.metric('codebay_ingest_messages_total{outcome="duplicate"}')).toBe(3);
});

test('with a secret, a task belongs to the owner that its headers prove', async () => {
  const secret = 'a secret of sixteen or more';
  await using bench = await withIngest({ owners: { secret } });
  const value = bodyOf();
  const bea = signed('bea', value, secret);
  await bench.send(
    bea,
    signed('cid', value, secret),
    { value },
    signed('bea', value, 'another secret entirely'),
    { ...bea, value: bodyOf({ prompt: 'Another' }) },
    { ...bea, headers: { ...bea.headers, [OWNER_HEADER]: 'eve' } },
    { ...signed('bea', JSON.stringify(spec), secret), key: 'any' },
  );
  expect((await bench.tasks()).map(({ id }) => id).sort()).toEqual([taskIdOfMessage('bea', 'one'), taskIdOfMessage('cid', 'one')].sort());
  const reasons = (await bench.deadLetters()).map(({ headers }) => headers['codebay-reason']);
  expect(reasons.sort()).toEqual(['ID_MISSING', ...Array.from({ length: 4 }, () => 'OWNER_UNVERIFIED')]);
});

test('while the store takes no row the partition pauses; when it does again, nothing is lost', async () => {
  await using bench = await withIngest({ partitions: 2 });
  const messages = Array.from({ length: 40 }, (_, n) => ({ value: bodyOf({ id: `t${n}` }), partition: n % 2 }));
  const holder = new DatabaseSync(join(bench.data.folder, 'store.db'));
  holder.exec('begin immediate');
  await produce(kafka.client, bench.topics.tasks, messages);
  await until('the ingest postpones', async () => Number(await bench.ingest.metric('codebay_ingest_postponed_total')) > 0);
  expect(await bench.ingest.metric('codebay_ingest_lag{partition="0"}')).toBe(20);
  holder.exec('rollback');
  holder.close();
  await bench.drained();
  expect(await bench.tasks()).toHaveLength(40);
  expect(await bench.ingest.metric('codebay_ingest_lag{partition="1"}')).toBe(0);
});

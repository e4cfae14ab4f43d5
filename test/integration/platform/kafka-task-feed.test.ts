import { createKafkaTaskFeed } from '../../../platform/kafka/task-feed.ts';
import type { FeedMessage } from '../../../tasks/ports/task-feed.ts';
import { type KafkaServer, startKafka } from '../../servers/kafka.ts';
import { quiet } from '../../support/ingest.ts';
import { countsOf, createTopic, produce } from '../../support/kafka-topic.ts';
import { until } from '../../support/until.ts';

let kafka: KafkaServer;
beforeAll(async () => {
  kafka = await startKafka();
});
afterAll(() => kafka.stop());

const open = (topic: string, groupId: string) => createKafkaTaskFeed({ kafka: kafka.client, topic, groupId, log: quiet });
const numbered = (count: number, partition: number) => Array.from({ length: count }, (_, n) => ({ value: `${partition}:${n}`, partition }));
const textOf = (message: FeedMessage): string => String(message.value);

test('a partition whose message is refused waits for it alone; only what stands before it is committed', async () => {
  const [topic, group] = [kafka.freshName('topic'), kafka.freshName('group')];
  await createTopic(kafka.client, topic, 2);
  await produce(kafka.client, topic, [...numbered(30, 0), ...numbered(30, 1)]);
  let refusing = true;
  const taken: string[] = [];
  const feed = open(topic, group);
  feed.start(async (message) => {
    if (refusing && textOf(message) === '0:5') throw new Error('not now');
    taken.push(textOf(message));
  });
  try {
    await until('partition 1 is taken', async () => taken.filter((text) => text.startsWith('1:')).length === 30);
    const behind = () => countsOf(kafka.client, topic, group).then((counts) => counts.behind);
    await until('all but the refused and those behind it are committed', async () => (await behind()) === 25);
    await produce(kafka.client, topic, [{ value: '1:later', partition: 1 }]);
    await until('partition 1 goes on', () => taken.includes('1:later'));
    expect(await feed.lag()).toEqual(expect.arrayContaining([{ partition: 0, messages: 25 }]));
    refusing = false;
    await until('all is committed', async () => (await behind()) === 0);
    expect(new Set(taken).size).toBe(61);
  } finally {
    await feed.close();
  }
});

test('a feed is open before its broker or its topic is there', async () => {
  const [topic, group] = [kafka.freshName('topic'), kafka.freshName('group')];
  const taken: string[] = [];
  await kafka.kill();
  const feed = open(topic, group);
  feed.start(async (message) => {
    taken.push(textOf(message));
  });
  try {
    expect(feed.isJoined()).toBe(false);
    expect(await feed.lag()).toEqual([]);
    await kafka.start();
    await createTopic(kafka.client, topic);
    await produce(kafka.client, topic, numbered(3, 0));
    await until('it has taken them', () => taken.length === 3);
    expect(feed.isJoined()).toBe(true);
  } finally {
    await feed.close();
  }
  expect(feed.isJoined()).toBe(false);
});

test('closing lets what is at hand come to its end, commits it, and takes no more', async () => {
  const [topic, group] = [kafka.freshName('topic'), kafka.freshName('group')];
  await createTopic(kafka.client, topic);
  await produce(kafka.client, topic, numbered(100, 0));
  const held = Promise.withResolvers<void>();
  let begun = 0;
  const feed = open(topic, group);
  feed.start(async () => {
    begun += 1;
    await held.promise;
  });
  await until('messages are at hand', () => begun > 0);
  const closed = feed.close();
  held.resolve();
  await closed;
  expect(begun).toBeLessThan(100);
  expect((await countsOf(kafka.client, topic, group)).behind).toBe(100 - begun);
});

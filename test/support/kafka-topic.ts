import kafkajs, { type Admin, type IHeaders, type Kafka, type Message, Partitioners } from 'kafkajs';
import { until } from './until.ts';

/** What stands in a topic. */
export interface StoredMessage {
  readonly partition: number;
  readonly offset: string;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

const textOf = (value: Buffer | string): string => value.toString();
const plain = (headers: IHeaders | undefined): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [[name, [value].flat().map(textOf).join()]])),
  );

/** Null while a partition has no leader yet, which kafkajs neither waits for nor retries. */
const offsetsOf = (admin: Admin, topic: string) =>
  admin.fetchTopicOffsets(topic).catch((error: unknown) => {
    if (error instanceof kafkajs.KafkaJSProtocolError && error.type === 'NOT_LEADER_FOR_PARTITION') return null;
    throw error;
  });

export const createTopic = async (
  kafka: Kafka,
  topic: string,
  partitions = 1,
  config: Readonly<Record<string, string>> = {},
): Promise<void> => {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions, configEntries }], waitForLeaders: true });
    await until(`${topic} has its leaders`, () => offsetsOf(admin, topic));
  } finally {
    await admin.disconnect();
  }
};

export const produce = async (kafka: Kafka, topic: string, messages: readonly Message[]): Promise<void> => {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });
  await producer.connect();
  try {
    await producer.send({ topic, messages: [...messages] });
  } finally {
    await producer.disconnect();
  }
};

/** The number of messages in a topic, and how many of them the group has not committed. */
export const countsOf = async (
  kafka: Kafka,
  topic: string,
  groupId: string,
): Promise<{ readonly stored: number; readonly behind: number }> => {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const ends = await until(`${topic} has its leaders`, () => offsetsOf(admin, topic));
    const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const stored = ends.reduce((sum, { high }) => sum + Number(high), 0);
    const done = (committed?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
    return { stored, behind: stored - done };
  } finally {
    await admin.disconnect();
  }
};

/** Everything that stands in a topic now, read from its beginning by a group of its own. */
export const readTopic = async (kafka: Kafka, topic: string): Promise<readonly StoredMessage[]> => {
  const { stored } = await countsOf(kafka, topic, 'nobody');
  const seen: StoredMessage[] = [];
  const consumer = kafka.consumer({ groupId: `read-${topic}-${Date.now()}-${Math.random()}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ partition, message }) => {
        seen.push({
          partition,
          offset: message.offset,
          key: message.key?.toString() ?? null,
          value: message.value?.toString() ?? null,
          headers: plain(message.headers),
        });
      },
    });
    await until(`all of ${topic} is read`, () => seen.length >= stored);
  } finally {
    await consumer.disconnect();
  }
  return seen;
};

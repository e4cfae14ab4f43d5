import kafkajs, { type Kafka } from 'kafkajs';
import { TASK_MAX_BYTES } from '../../tasks/limits.ts';

export interface TopicPlan {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

export interface TopicOutcome {
  readonly topic: string;
  readonly created: boolean;
  readonly partitions: number;
}

/** The brokers refuse the plan; the type is Kafka's word for it. */
export class TopicRefusedError extends Error {
  override readonly name = 'TopicRefusedError';
  readonly type: string;
  constructor(type: string, options?: ErrorOptions) {
    super(`the brokers refuse the topics: ${type}`, options);
    this.type = type;
  }
}

const DAY_MS = 24 * 3600_000;
/** A key and headers beside the value. */
const ENVELOPE_BYTES = 64 * 1024;
const TASK_MESSAGE_BYTES = TASK_MAX_BYTES + ENVELOPE_BYTES;

/** The topics of an installation, and how long each keeps what it has. */
export const planTopics = (
  names: { readonly tasks: string; readonly results: string; readonly dlq: string },
  size: { readonly partitions: number; readonly replicationFactor: number },
): readonly TopicPlan[] => {
  const plan = (topic: string, config: Readonly<Record<string, string>>): TopicPlan => ({
    topic,
    ...size,
    // What is acknowledged survives the loss of a broker.
    config: { ...config, ...(size.replicationFactor >= 3 ? { 'min.insync.replicas': '2' } : {}) },
  });
  return [
    // The brokers unpack what senders compress, whichever codec they use: ingest reads gzip alone.
    plan(names.tasks, {
      'retention.ms': String(7 * DAY_MS),
      'max.message.bytes': String(TASK_MESSAGE_BYTES),
      'compression.type': 'uncompressed',
    }),
    plan(names.results, { 'retention.ms': String(7 * DAY_MS) }),
    // Each has grown by the headers that say why.
    plan(names.dlq, { 'retention.ms': String(30 * DAY_MS), 'max.message.bytes': String(TASK_MESSAGE_BYTES + ENVELOPE_BYTES) }),
  ];
};

const typesOf = (error: unknown): readonly string[] => {
  if (error instanceof kafkajs.KafkaJSAggregateError) return error.errors.flatMap(typesOf);
  return error instanceof kafkajs.KafkaJSProtocolError ? [error.type] : [];
};

/** Makes the topics that are missing, and leaves those that are there as they are. `TopicRefusedError` where the brokers refuse. */
export const createTopics = async (kafka: Kafka, plans: readonly TopicPlan[]): Promise<readonly TopicOutcome[]> => {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const known = new Set(await admin.listTopics());
    const missing = plans.filter(({ topic }) => !known.has(topic));
    await admin
      .createTopics({
        waitForLeaders: true,
        topics: missing.map(({ topic, partitions, replicationFactor, config }) => ({
          topic,
          numPartitions: partitions,
          replicationFactor,
          configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
        })),
      })
      .catch((error: unknown) => {
        const [refusal] = typesOf(error).filter((type) => type !== 'TOPIC_ALREADY_EXISTS');
        throw refusal === undefined ? error : new TopicRefusedError(refusal, { cause: error });
      });
    const { topics } = await admin.fetchTopicMetadata({ topics: plans.map(({ topic }) => topic) });
    const partitionsOf = new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
    return plans.map(({ topic }) => ({ topic, created: !known.has(topic), partitions: partitionsOf.get(topic) ?? 0 }));
  } finally {
    await admin.disconnect();
  }
};

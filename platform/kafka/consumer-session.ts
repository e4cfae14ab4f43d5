import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';

interface ConsumerSessionOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly groupId: string;
  readonly eachBatch: (payload: EachBatchPayload) => Promise<void>;
  /** The partitions that this process holds from now on. */
  readonly onAssignment: (partitions: ReadonlySet<number>) => void;
}

export interface ConsumerSession {
  /** Resolves with what ended it, when kafkajs gives up. */
  readonly crashed: Promise<Error>;
  close(): Promise<void>;
}

/** Partitions that are worked on at once; the others of a fetch wait for them. */
const PARTITIONS_AT_ONCE = 8;

const connected = async (consumer: Consumer, topic: string): Promise<void> => {
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
};

/** One membership of the group, until kafkajs can't mend it any more: a new session then begins from the committed offsets. */
export const openConsumerSession = async (options: ConsumerSessionOptions): Promise<ConsumerSession> => {
  const { kafka, topic, groupId, eachBatch, onAssignment } = options;
  const consumer = kafka.consumer({
    groupId,
    allowAutoTopicCreation: false,
    // The partitions of a process that was killed are another's after this long.
    sessionTimeout: 10_000,
    heartbeatInterval: 1_000,
    rebalanceTimeout: 20_000,
    // How long a paused member, or one that has nothing to do, is deaf to a stop.
    maxWaitTimeInMs: 500,
    metadataMaxAge: 60_000,
    retry: { initialRetryTime: 100, multiplier: 2, maxRetryTime: 1_000, retries: 6, restartOnFailure: async () => false },
  });
  const crash = Promise.withResolvers<Error>();
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => onAssignment(new Set(payload.memberAssignment[topic] ?? [])));
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    onAssignment(new Set());
    crash.resolve(payload.error);
  });
  try {
    await connected(consumer, topic);
  } catch (error) {
    await consumer.disconnect();
    throw error;
  }
  await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, partitionsConsumedConcurrently: PARTITIONS_AT_ONCE, eachBatch });
  return { crashed: crash.promise, close: () => consumer.disconnect() };
};

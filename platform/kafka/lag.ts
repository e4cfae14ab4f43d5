import type { Admin, Kafka } from 'kafkajs';
import type { PartitionLag } from '../../tasks/ports/task-feed.ts';
import type { KafkaLog } from './log.ts';

interface LagReaderOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly groupId: string;
  readonly log: KafkaLog;
}

export interface LagReader {
  /** High watermark minus committed offset of each partition; empty while the brokers don't answer. */
  read(partitions: ReadonlySet<number>): Promise<readonly PartitionLag[]>;
  close(): Promise<void>;
}

/** Asks the brokers, over a connection of its own, so that a paused or stuck partition has its true lag. */
export const createLagReader = ({ kafka, topic, groupId, log }: LagReaderOptions): LagReader => {
  let connected: Promise<Admin> | null = null;
  const connect = async (): Promise<Admin> => {
    const admin = kafka.admin({ retry: { retries: 1, initialRetryTime: 100 } });
    await admin.connect();
    return admin;
  };
  const disconnect = async (): Promise<void> => {
    const last = connected;
    connected = null;
    await last?.then((admin) => admin.disconnect()).catch(() => undefined);
  };
  return {
    async read(partitions) {
      try {
        connected ??= connect();
        const admin = await connected;
        const [ends, committed] = await Promise.all([admin.fetchTopicOffsets(topic), admin.fetchOffsets({ groupId, topics: [topic] })]);
        const positions = new Map(committed.flatMap((each) => each.partitions).map(({ partition, offset }) => [partition, BigInt(offset)]));
        return ends
          .filter(({ partition }) => partitions.has(partition))
          .map(({ partition, high, low }) => {
            const position = positions.get(partition) ?? -1n;
            return { partition, messages: Number(BigInt(high) - (position < 0n ? BigInt(low) : position)) };
          });
      } catch (error) {
        log.warn({ err: error }, 'the lag could not be read');
        await disconnect();
        return [];
      }
    },
    close: disconnect,
  };
};

import { setTimeout as pause } from 'node:timers/promises';
import type { EachBatchPayload, Kafka } from 'kafkajs';
import type { FeedMessage, TaskFeed } from '../../tasks/ports/task-feed.ts';
import { type ConsumerSession, openConsumerSession } from './consumer-session.ts';
import { createLagReader } from './lag.ts';
import type { KafkaLog } from './log.ts';
import { takeBatch } from './take-batch.ts';

interface KafkaTaskFeedOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly groupId: string;
  readonly log: KafkaLog;
}

/** Messages of one partition that are taken at once: a start in Temporal is mostly waiting. */
const AT_ONCE = 16;
const AGAIN_AFTER_MS = 1_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/** Tasks from a topic, shared by the members of a consumer group. */
export const createKafkaTaskFeed = ({ kafka, topic, groupId, log }: KafkaTaskFeedOptions): TaskFeed => {
  const lag = createLagReader({ kafka, topic, groupId, log });
  const closing = new AbortController();
  const pauses = new Map<number, number>();
  const timers = new Set<NodeJS.Timeout>();
  let assigned: ReadonlySet<number> | null = null;
  let running: Promise<void> = Promise.resolve();

  const pausePartition = (payload: EachBatchPayload): void => {
    const { partition } = payload.batch;
    const pauseMs = pauses.get(partition) ?? FIRST_PAUSE_MS;
    pauses.set(partition, Math.min(pauseMs * 2, LONGEST_PAUSE_MS));
    const resume = payload.pause();
    const timer = setTimeout(() => {
      timers.delete(timer);
      resume();
    }, pauseMs);
    timers.add(timer);
    log.warn({ topic, partition, pause_ms: pauseMs }, 'a partition pauses');
  };
  const eachBatch =
    (take: (message: FeedMessage) => Promise<void>) =>
    async (payload: EachBatchPayload): Promise<void> => {
      if (await takeBatch(payload, take, AT_ONCE)) pauses.delete(payload.batch.partition);
      else pausePartition(payload);
    };

  const untilClosing = new Promise<null>((resolve) => {
    closing.signal.addEventListener('abort', () => resolve(null), { once: true });
  });
  const consume = async (take: (message: FeedMessage) => Promise<void>): Promise<void> => {
    const session: ConsumerSession = await openConsumerSession({
      kafka,
      topic,
      groupId,
      eachBatch: eachBatch(take),
      onAssignment: (partitions) => {
        assigned = partitions;
      },
    });
    const error = await Promise.race([session.crashed, untilClosing]);
    assigned = null;
    if (error !== null) throw error;
    await session.close();
  };

  return {
    start: (take) => {
      running = (async () => {
        while (!closing.signal.aborted) {
          await consume(take).catch(async (error: unknown) => {
            log.warn({ err: error, topic }, 'Kafka can not be read now; it is tried again');
            await pause(AGAIN_AFTER_MS, undefined, { signal: closing.signal }).catch(() => undefined);
          });
        }
      })();
    },
    isJoined: () => assigned !== null,
    lag: () => (assigned === null ? Promise.resolve([]) : lag.read(assigned)),
    close: async () => {
      closing.abort();
      await running;
      for (const timer of timers) clearTimeout(timer);
      await lag.close();
    },
  };
};

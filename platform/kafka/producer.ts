import { setTimeout as pause } from 'node:timers/promises';
// Node finds the classes of kafkajs's errors in its default export alone.
import kafkajs, { type Kafka, type Message, Partitioners, type Producer } from 'kafkajs';
import { FeedUnavailableError } from '../../tasks/ports/feed-unavailable-error.ts';

/** The topic keeps no message of this size. */
export class MessageTooLargeError extends Error {
  override readonly name = 'MessageTooLargeError';
}

export interface SafeProducer {
  /** Returns when every in-sync replica has the messages; `FeedUnavailableError` where that isn't known after seconds. */
  send(topic: string, messages: readonly Message[]): Promise<void>;
  close(): Promise<void>;
}

const SEND_MS = 5_000;
const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);

const causesOf = (error: unknown): readonly unknown[] => (error instanceof Error ? [error, ...causesOf(error.cause)] : []);
const isTooLarge = (error: unknown): boolean =>
  causesOf(error).some((cause) => cause instanceof kafkajs.KafkaJSProtocolError && TOO_LARGE.has(cause.type));

const inTime = async (work: Promise<unknown>): Promise<void> => {
  const over = new AbortController();
  const late = pause(SEND_MS, undefined, { signal: over.signal }).then(() => Promise.reject(new Error(`no answer in ${SEND_MS / 1000} s`)));
  late.catch(() => undefined);
  try {
    await Promise.race([work, late]);
  } finally {
    over.abort();
  }
};

/**
 * A producer, idempotent unless told otherwise, that is replaced after each failure, and sends one request at a time. kafkajs takes the sequence numbers of a
 * failed send back; the broker, which may have kept that send, would then take the next messages for it, acknowledge them and drop them.
 * Messages without a key can't be idempotent: each attempt may go to another partition. Connects when it first sends.
 */
export const createSafeProducer = (kafka: Kafka, { idempotent = true }: { readonly idempotent?: boolean } = {}): SafeProducer => {
  let current: Promise<Producer> | null = null;
  let turn: Promise<unknown> = Promise.resolve();

  const connect = async (): Promise<Producer> => {
    const producer = kafka.producer({
      idempotent,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { initialRetryTime: 100, multiplier: 2, maxRetryTime: 1_000, retries: 4 },
    });
    try {
      await producer.connect();
      return producer;
    } catch (error) {
      await producer.disconnect();
      throw error;
    }
  };
  /** Only when it has given up: it would connect again to go on trying. */
  const discard = (producer: Promise<Producer>, work: Promise<unknown>): void => {
    const disconnect = async (): Promise<void> => (await producer).disconnect();
    work.then(disconnect, disconnect).catch(() => undefined);
  };
  const attempt = async (topic: string, messages: readonly Message[]): Promise<void> => {
    const producer = current ?? connect();
    current = producer;
    const work = producer.then((connected) => connected.send({ topic, acks: -1, timeout: SEND_MS, messages: [...messages] }));
    try {
      await inTime(work);
    } catch (error) {
      current = null;
      discard(producer, work);
      if (isTooLarge(error)) throw new MessageTooLargeError(`the topic ${topic} does not take a message of this size`, { cause: error });
      throw new FeedUnavailableError(`Kafka did not take what was sent to ${topic}`, { cause: error });
    }
  };

  return {
    send: (topic, messages) => {
      const sent = turn.then(() => attempt(topic, messages));
      turn = sent.catch(() => undefined);
      return sent;
    },
    close: async () => {
      await turn;
      await current?.then((producer) => producer.disconnect()).catch(() => undefined);
      current = null;
    },
  };
};

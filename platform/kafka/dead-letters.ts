import { createHash } from 'node:crypto';
import type { IHeaders, Kafka, Message } from 'kafkajs';
import type { DeadLetters } from '../../tasks/ports/dead-letters.ts';
import type { FeedMessage } from '../../tasks/ports/task-feed.ts';
import { createSafeProducer, MessageTooLargeError } from './producer.ts';

const DETAIL_MAX_LENGTH = 500;

const headersOf = (message: FeedMessage, reason: string, detail: string): IHeaders => ({
  ...Object.fromEntries([...message.headers].map(([name, values]) => [name, [...values]])),
  'codebay-reason': reason,
  'codebay-detail': detail.slice(0, DETAIL_MAX_LENGTH),
  'codebay-origin-topic': message.topic,
  'codebay-origin-partition': String(message.partition),
  'codebay-origin-offset': message.offset,
  'codebay-origin-timestamp': String(message.timestamp),
});

/** What says where the whole message stands, for a topic that keeps no message of its size. */
const withoutBody = ({ value, headers }: FeedMessage, letter: Message): Message => ({
  key: null,
  value: null,
  headers: {
    ...Object.fromEntries(Object.entries(letter.headers ?? {}).filter(([name]) => !headers.has(name))),
    'codebay-omitted-bytes': String(value?.length ?? 0),
    'codebay-omitted-sha256': createHash('sha256')
      .update(value ?? '')
      .digest('hex'),
  },
});

/** Dead letters on a topic: key, value and headers as they came, and headers that say why and where from. */
export const createKafkaDeadLetters = (kafka: Kafka, topic: string): DeadLetters => {
  const producer = createSafeProducer(kafka, { idempotent: false });
  return {
    async put(message, reason, detail) {
      const letter = { key: message.key, value: message.value, headers: headersOf(message, reason, detail) };
      try {
        await producer.send(topic, [letter]);
      } catch (error) {
        if (!(error instanceof MessageTooLargeError)) throw error;
        await producer.send(topic, [withoutBody(message, letter)]);
      }
    },
    close: () => producer.close(),
  };
};

import type { IHeaders, KafkaMessage } from 'kafkajs';
import type { FeedMessage } from '../../tasks/ports/task-feed.ts';

const bufferOf = (value: Buffer | string): Buffer => (typeof value === 'string' ? Buffer.from(value) : value);

const headersOf = (headers: IHeaders): FeedMessage['headers'] =>
  new Map(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, (Array.isArray(value) ? value : [value]).map(bufferOf)]],
    ),
  );

/** A message of kafkajs in the feed's terms. */
export const toFeedMessage = (topic: string, partition: number, message: KafkaMessage): FeedMessage => ({
  topic,
  partition,
  offset: message.offset,
  timestamp: Number(message.timestamp),
  key: message.key,
  value: message.value,
  headers: headersOf(message.headers ?? {}),
});

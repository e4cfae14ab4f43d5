import type { Kafka } from 'kafkajs';
import type { ResultFeed } from '../../tasks/ports/result-feed.ts';
import { createSafeProducer } from './producer.ts';

/** Results as JSON on a topic, keyed by task, so that all that is said of one task stands in one partition. */
export const createKafkaResultFeed = (kafka: Kafka, topic: string): ResultFeed => {
  const producer = createSafeProducer(kafka);
  return {
    publish: (results) =>
      producer.send(
        topic,
        results.map((result) => ({ key: result.task_id, value: JSON.stringify(result), headers: { 'content-type': 'application/json' } })),
      ),
    close: () => producer.close(),
  };
};

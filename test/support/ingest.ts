import { Client, Connection } from '@temporalio/client';
import type { Kafka } from 'kafkajs';
import { createKafkaDeadLetters } from '../../platform/kafka/dead-letters.ts';
import { createKafkaTaskFeed } from '../../platform/kafka/task-feed.ts';
import type { OwnerPolicy } from '../../tasks/message-owner.ts';
import type { Engine } from '../../tasks/ports/engine.ts';
import type { Stores } from '../../tasks/ports/stores.ts';
import { createTemporalEngine } from '../../temporal/engine.ts';
import { gatherAcknowledgements } from '../../temporal/ingest/acknowledgements.ts';
import { createIntake } from '../../temporal/ingest/intake.ts';
import { createIngestMetrics } from '../../temporal/ingest/metrics.ts';
import { createRestingEngine } from '../../temporal/ingest/resting-engine.ts';
import { createStarter } from '../../temporal/starter.ts';
import type { KafkaServer } from '../servers/kafka.ts';
import { createTopic } from './kafka-topic.ts';

export const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** An engine whose Temporal nobody listens for. */
export const engineAway = (): Engine =>
  createTemporalEngine({ client: new Client({ connection: Connection.lazy({ address: '127.0.0.1:1' }) }), taskQueue: 'nowhere' });

/** Three topics and a group that no other test has used. */
export const freshTopics = async (server: KafkaServer, partitions = 1, config: Readonly<Record<string, string>> = {}) => {
  const names = {
    tasks: server.freshName('tasks'),
    results: server.freshName('results'),
    dlq: server.freshName('dlq'),
    group: server.freshName('group'),
  };
  await createTopic(server.client, names.tasks, partitions, config);
  await createTopic(server.client, names.results, partitions);
  await createTopic(server.client, names.dlq, 1);
  return names;
};

interface IngestOptions {
  readonly kafka: Kafka;
  readonly topics: { readonly tasks: string; readonly dlq: string; readonly group: string };
  readonly stores: Stores;
  readonly owners?: OwnerPolicy;
  readonly engine?: Engine;
}

/** The parts of `temporal/ingest.ts`, put together in this process. */
export const startIngest = ({ kafka, topics, stores, owners = { owner: 'ada' }, engine = engineAway() }: IngestOptions) => {
  const feed = createKafkaTaskFeed({ kafka, topic: topics.tasks, groupId: topics.group, log: quiet });
  const deadLetters = createKafkaDeadLetters(kafka, topics.dlq);
  const metrics = createIngestMetrics(feed);
  const acknowledgements = gatherAcknowledgements({ outbox: stores.outbox, log: quiet });
  let accepted = 0;
  feed.start(
    createIntake({
      tasks: stores.tasks,
      starter: createStarter({ tasks: stores.tasks, outbox: acknowledgements.outbox, engine: createRestingEngine(engine), log: quiet }),
      deadLetters,
      offer: { models: ['m1'], prices: {}, gitAllowedHosts: [] },
      owners,
      counters: {
        ...metrics.counters,
        accepted: () => {
          accepted += 1;
          metrics.counters.accepted();
        },
      },
      log: quiet,
    }),
  );
  return {
    feed,
    accepted: () => accepted,
    /** The value of a metric's line, by its name with labels. */
    metric: async (name: string): Promise<number | null> => {
      const line = (await metrics.render()).text.split('\n').find((each) => each.startsWith(`${name} `));
      return line === undefined ? null : Number(line.slice(name.length + 1));
    },
    close: async () => {
      await feed.close();
      await Promise.all([deadLetters.close(), acknowledgements.close()]);
    },
  };
};

import { createKafka } from '../../platform/kafka/client.ts';
import { createTopics, planTopics, TopicRefusedError } from '../../platform/kafka/topics.ts';
import { CliError, EXIT } from '../cli-error.ts';
import { print } from '../terminal.ts';
import { readSettings } from '../up/plan.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined };

/** `codebay admin kafka`: makes the topics that ingest and the workers use, where they are missing. */
export const createKafkaTopics = async (size: { readonly partitions: number; readonly replicationFactor: number }): Promise<number> => {
  const settings = readSettings(process.env);
  const brokers = settings.CODEBAY_KAFKA_BROKERS;
  if (brokers.length === 0) throw new CliError('CODEBAY_KAFKA_BROKERS is not set.', 'Set it to `host:port` of the brokers.', EXIT.usage);
  const names = {
    tasks: settings.CODEBAY_KAFKA_TASKS_TOPIC,
    results: settings.CODEBAY_KAFKA_RESULTS_TOPIC,
    dlq: settings.CODEBAY_KAFKA_DLQ_TOPIC,
  };
  const outcomes = await createTopics(createKafka({ brokers, clientId: 'codebay-admin', log: silent }), planTopics(names, size)).catch(
    (error: unknown) => {
      if (error instanceof TopicRefusedError) {
        throw new CliError(`${error.message}.`, 'Compare --partitions and --replication-factor with the brokers.', EXIT.failed, {
          cause: error,
        });
      }
      throw new CliError(`Kafka does not answer at ${brokers.join(', ')}.`, 'Check CODEBAY_KAFKA_BROKERS.', EXIT.station, { cause: error });
    },
  );
  for (const { topic, created, partitions } of outcomes) {
    print(
      created
        ? `created ${topic} with ${partitions} partitions`
        : `${topic} is there already, with ${partitions} partitions; left as it is`,
    );
  }
  return EXIT.done;
};

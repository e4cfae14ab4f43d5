import type { ResultFeed } from '../tasks/ports/result-feed.ts';
import type { KafkaLog } from './kafka/log.ts';
import type { Settings } from './settings.ts';

/** Whether results of tasks go anywhere; decides `resultsDue` of the store as well. */
export const wantsResults = ({ CODEBAY_KAFKA_BROKERS: brokers }: Settings): boolean => brokers.length > 0;

/** Where results are published by these settings; null for nowhere. */
export const openResults = async (settings: Settings, log: KafkaLog): Promise<ResultFeed | null> => {
  if (!wantsResults(settings)) return null;
  const [{ createKafka }, { createKafkaResultFeed }] = await Promise.all([import('./kafka/client.ts'), import('./kafka/result-feed.ts')]);
  const kafka = createKafka({ brokers: settings.CODEBAY_KAFKA_BROKERS, clientId: 'codebay-worker', log });
  return createKafkaResultFeed(kafka, settings.CODEBAY_KAFKA_RESULTS_TOPIC);
};

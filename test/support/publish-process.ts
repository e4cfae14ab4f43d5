/*
 * A process that publishes the result of a task and then never comes to write down that it has, for tests of `kill -9`:
 *   publish-process.ts <store file> <broker> <topic> <task>    prints `published` and waits
 */
import { publishResults } from '../../activities/publish-results.ts';
import { createKafka } from '../../platform/kafka/client.ts';
import { createKafkaResultFeed } from '../../platform/kafka/result-feed.ts';
import { openSqliteStore } from '../../platform/sqlite.ts';

const [file = '', broker = '', topic = '', taskId = ''] = process.argv.slice(2);
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined };
const stores = await openSqliteStore(file);
const feed = createKafkaResultFeed(createKafka({ brokers: [broker], clientId: 'test', log }), topic);
const outbox = {
  ...stores.results,
  markPublished: () => {
    process.stdout.write('published\n');
    return new Promise<void>(() => undefined);
  },
};
await publishResults({ outbox, feed }, { by: 'dying', leaseMs: 500, olderThanMs: 0, limit: 1, taskId });

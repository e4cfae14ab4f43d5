import { join } from 'node:path';
import { execa } from 'execa';
import { type KafkaServer, startKafka } from '../../servers/kafka.ts';
import { countsOf } from '../../support/kafka-topic.ts';

let kafka: KafkaServer;
beforeAll(async () => {
  kafka = await startKafka();
});
afterAll(() => kafka.stop());

const adminKafka = async (env: Readonly<Record<string, string>>, ...args: readonly string[]) => {
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    [join(import.meta.dirname, '../../../cli/main.ts'), 'admin', 'kafka', ...args],
    {
      env: { CODEBAY_KAFKA_BROKERS: kafka.broker, ...env },
      nodeOptions: [],
      reject: false,
    },
  );
  return { exitCode, lines: stdout.split('\n'), stderr };
};

test('the topics are made once, and left alone afterwards', async () => {
  const env = { CODEBAY_KAFKA_TASKS_TOPIC: 'a-tasks', CODEBAY_KAFKA_RESULTS_TOPIC: 'a-results', CODEBAY_KAFKA_DLQ_TOPIC: 'a-dlq' };
  expect(await adminKafka(env, '--partitions', '3')).toMatchObject({
    exitCode: 0,
    lines: ['created a-tasks with 3 partitions', 'created a-results with 3 partitions', 'created a-dlq with 3 partitions'],
  });
  const again = await adminKafka(env, '--partitions', '4');
  expect(again.exitCode).toBe(0);
  expect(again.lines).toEqual(
    ['a-tasks', 'a-results', 'a-dlq'].map((topic) => `${topic} is there already, with 3 partitions; left as it is`),
  );
  expect((await countsOf(kafka.client, 'a-tasks', 'nobody')).stored).toBe(0);
});

test.each<[string, number, RegExp, Record<string, string>, readonly string[]]>([
  ['more replicas than brokers', 1, /INVALID_REPLICATION_FACTOR/, {}, ['--replication-factor', '3']],
  ['no broker', 3, /does not answer at 127\.0\.0\.1:1\./, { CODEBAY_KAFKA_BROKERS: '127.0.0.1:1' }, []],
  ['no setting', 2, /CODEBAY_KAFKA_BROKERS is not set/, { CODEBAY_KAFKA_BROKERS: '' }, []],
  ['no partitions', 2, /whole number above 0/, {}, ['--partitions', '0']],
])('%s is told in a sentence', async (_, exitCode, sentence, env, args) => {
  const ended = await adminKafka(env, ...args);
  expect(ended.exitCode).toBe(exitCode);
  expect(ended.stderr).toMatch(sentence);
  expect(ended.stderr).not.toMatch(/\n\s+at /);
});

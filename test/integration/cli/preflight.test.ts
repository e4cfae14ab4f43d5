import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { serverChecks } from '../../../cli/doctor/servers.ts';
import { loadSettings } from '../../../platform/settings.ts';
import { startRedis } from '../../servers/redis.ts';
import { startTemporal } from '../../support/temporal.ts';

const NOBODY = '127.0.0.1:1';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await startTemporal();
});
afterAll(() => env.teardown());

const look = async (settings: Readonly<Record<string, string>>) => {
  const checks = serverChecks(loadSettings({ TEMPORAL_ADDRESS: env.address, TEMPORAL_NAMESPACE: env.namespace ?? 'default', ...settings }));
  return Object.fromEntries(await Promise.all(checks.map(async ({ name, look }) => [name, await look()] as const)));
};

test('what answers is fine, and only what the settings name is asked', async () => {
  expect(await look({})).toEqual({ Temporal: { state: 'ok', what: expect.stringContaining('has the namespace'), remedy: '' } });
});

test('a namespace that is not there is named, with the command that makes it', async () => {
  const { Temporal } = await look({ TEMPORAL_NAMESPACE: 'absent' });
  expect(Temporal).toMatchObject({ state: 'broken', what: 'Temporal has no namespace absent.' });
  expect(Temporal?.remedy).toContain('temporal operator namespace create -n absent');
});

test('a Redis whose first connection breaks is asked again', async () => {
  const redis = await startRedis();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    if (connections === 1) return socket.resetAndDestroy();
    const upstream = connect(Number(new URL(redis.url).port), '127.0.0.1');
    for (const end of [socket, upstream]) end.on('error', () => undefined);
    socket.pipe(upstream).pipe(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const { Redis } = await look({ CODEBAY_CACHE: 'redis', CODEBAY_REDIS_URL: `redis://127.0.0.1:${port}/0` });
  expect(Redis).toEqual({ state: 'ok', what: 'answers, and takes the login', remedy: '' });
  expect(connections).toBe(2);
  server.close();
  await redis.stop();
});

test('each server that is away is told in one sentence, which holds no password', async () => {
  const findings = await look({
    TEMPORAL_ADDRESS: NOBODY,
    CODEBAY_STORE: 'mysql',
    CODEBAY_MYSQL_URL: `mysql://codebay:canary@${NOBODY}/codebay`,
    CODEBAY_CACHE: 'redis',
    CODEBAY_REDIS_URL: `redis://:canary@${NOBODY}/0`,
    CODEBAY_OBJECTS: 'cos',
    CODEBAY_COS_ENDPOINT: `http://${NOBODY}`,
    CODEBAY_COS_REGION: 'ap-guangzhou',
    CODEBAY_COS_SECRET_ID: 'id',
    CODEBAY_COS_SECRET_KEY: 'canary',
    CODEBAY_COS_CODE_BUCKET: 'code-1250000000',
    CODEBAY_COS_LOGS_BUCKET: 'logs-1250000000',
    CODEBAY_KAFKA_BROKERS: NOBODY,
  });
  expect(Object.keys(findings)).toEqual(['Store', 'Redis', 'COS', 'Temporal', 'Kafka']);
  for (const { state, what, remedy } of Object.values(findings)) {
    expect({ state, sentence: /^[A-Zt][^\n]*\.$/.test(what) }).toEqual({ state: 'broken', sentence: true });
    expect(`${what} ${remedy}`).not.toContain('canary');
  }
}, 120_000);

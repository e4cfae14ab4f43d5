import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { codebayProcess } from '../../servers/codebay-process.ts';
import { createDataFolder } from '../../support/api-process.ts';
import { startTemporal } from '../../support/temporal.ts';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await startTemporal();
});
afterAll(() => env.teardown());

const portOf = (log: string): number | null => JSON.parse(/^\{"ready":true.*$/m.exec(log)?.[0] ?? '{}').port;

test('a worker answers for its health where a port is set, and listens nowhere where none is', async () => {
  await using stack = new AsyncDisposableStack();
  const data = await createDataFolder();
  stack.defer(() => data.remove());
  const folder = await mkdtemp(join(tmpdir(), 'codebay-logs-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const start = async (name: string, more: Readonly<Record<string, string>>) => {
    const worker = codebayProcess({
      name,
      entry: 'temporal/worker.ts',
      env: {
        TEMPORAL_ADDRESS: env.address,
        TEMPORAL_NAMESPACE: env.namespace ?? 'default',
        CODEBAY_TASK_QUEUE: `health-${process.pid}`,
        CODEBAY_DATA: data.folder,
        ...more,
      },
      folder,
    });
    stack.defer(() => worker.kill());
    await worker.start();
    return { worker, port: portOf(await readFile(worker.logFile, 'utf8')) };
  };
  const silent = await start('silent', {});
  expect(silent.port).toBeNull();
  const { worker, port } = await start('answering', { CODEBAY_WORKER_PORT: '0' });
  const ask = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
  expect((await ask('/livez')).status).toBe(200);
  const ready = await ask('/readyz');
  expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready', failing: [] }]);
  expect(await (await ask('/metrics')).text()).toContain('codebay_worker_running 1');
  expect(await worker.stop()).toBe(0);
  await expect(ask('/livez')).rejects.toThrow('fetch failed');
}, 120_000);

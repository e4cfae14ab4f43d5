import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { startGitServer } from '../../../demo/git-server.ts';
import { makeRepository } from '../../../demo/project-repository.ts';
import { createClient } from '../../../sdk/index.ts';
import { codebayProcess } from '../../servers/codebay-process.ts';
import { createDataFolder, startApi } from '../../support/api-process.ts';
import { createHeldTurns } from '../../support/held-turns.ts';
import { startScriptedModel } from '../../support/scripted-model.ts';
import { startTemporal } from '../../support/temporal.ts';
import { until } from '../../support/until.ts';

/** A proxy before a git server that holds fetches back, not the question which refs there are. */
const startHoldingProxy = async (target: string) => {
  const held = Promise.withResolvers<void>();
  let holding = 0;
  const pass = async (message: IncomingMessage): Promise<Buffer> => {
    const body = await buffer(message);
    if (body.includes('command=fetch')) {
      holding += 1;
      await held.promise;
    }
    return body;
  };
  const server = createServer(async (message, reply) => {
    const body = await pass(message);
    const { host: _, ...headers } = message.headers;
    send(new URL(message.url ?? '/', target), { method: message.method, headers }, (answer) => {
      reply.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(reply);
    }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    holding: () => holding,
    release: held.resolve,
    close: () => {
      held.resolve();
      server.close();
      server.closeAllConnections();
    },
  };
};

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await startTemporal();
});
afterAll(() => env.teardown());

test('workers told to end in the middle of staging and of watching hand over: no attempt fails, none is made twice', async () => {
  await using stack = new AsyncDisposableStack();
  const data = await createDataFolder();
  stack.defer(() => data.remove());
  const folder = await mkdtemp(join(tmpdir(), 'codebay-git-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  await makeRepository(join(import.meta.dirname, '../../../demo/project'), folder, 'project');
  const git = await startGitServer({ root: folder });
  stack.defer(() => git.close());
  const proxy = await startHoldingProxy(git.url);
  stack.defer(() => proxy.close());
  const turns = createHeldTurns([{ text: 'Done.' }]);
  const model = await startScriptedModel(turns.script);
  stack.defer(() => model.close());
  const settings = {
    TEMPORAL_ADDRESS: env.address,
    TEMPORAL_NAMESPACE: env.namespace ?? 'default',
    CODEBAY_TASK_QUEUE: `shutdown-${process.pid}`,
    CODEBAY_GIT_ALLOWED_HOSTS: new URL(proxy.url).host,
    CODEBAY_DRAIN_SECONDS: '60',
    OPENAI_BASE_URL: model.url,
    CODEBAY_MODELS: 'scripted',
  };
  const api = await startApi(data.folder, settings);
  stack.defer(() => api.stop());
  const worker = async () => {
    const started = codebayProcess({
      name: 'worker',
      entry: 'temporal/worker.ts',
      env: { ...settings, CODEBAY_DATA: data.folder, CODEBAY_GATEWAY_URL: `http://127.0.0.1:${api.gateway_port}` },
      folder,
    });
    stack.defer(() => started.kill());
    await started.start();
    return started;
  };
  const workers = [await worker(), await worker()];
  const client = createClient({ url: api.url, apiKey: data.apiKey });
  turns.hold(0);
  const { id } = await client.submit({ source: { type: 'git', url: `${proxy.url}/project.git` }, prompt: 'Look at it', mode: 'explain' });
  const handle = env.client.workflow.getHandle(id);

  /** Ends the worker that holds this activity, and starts another one in its place. */
  const endHolderOf = async (activity: string) => {
    const holder = await until(`${activity} is at a worker`, async () => {
      const { raw } = await handle.describe();
      const pending = raw.pendingActivities?.find(({ activityType }) => activityType?.name === activity);
      return workers.find((one) => pending?.lastWorkerIdentity?.startsWith(`${one.pid()}@`));
    });
    workers.splice(workers.indexOf(holder), 1);
    return { exited: holder.stop() };
  };

  await until('code is being fetched', () => proxy.holding() > 0);
  const staging = await endHolderOf('stageCode');
  workers.push(await worker());
  proxy.release();
  expect(await staging.exited).toBe(0);

  await turns.untilAsked(0);
  const watching = await endHolderOf('watchRun');
  // Its watch ends though the run goes on.
  expect(await watching.exited).toBe(0);
  await until('another worker watches', async () => {
    const { raw } = await handle.describe();
    const pending = raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'watchRun');
    return workers.some((one) => pending?.lastWorkerIdentity?.startsWith(`${one.pid()}@`));
  });
  turns.release(0);
  await handle.result();
  expect((await client.get(id)).status).toBe('COMPLETED');
  expect(turns.violations).toEqual([]);

  const events = (await handle.fetchHistory()).events ?? [];
  const started = events.flatMap(({ activityTaskStartedEventAttributes: one }) => (one ? [one.attempt] : []));
  expect(started.length).toBeGreaterThan(5);
  expect(started.filter((attempt) => attempt !== 1)).toEqual([]);
  expect(
    events.filter(({ activityTaskFailedEventAttributes: failed, activityTaskTimedOutEventAttributes: late }) => failed ?? late),
  ).toEqual([]);
}, 120_000);

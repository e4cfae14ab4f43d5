import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import type { Engine } from '../../../tasks/ports/engine.ts';
import { EngineUnavailableError } from '../../../tasks/ports/engine.ts';
import { createTemporalEngine } from '../../../temporal/engine.ts';
import { createStarter } from '../../../temporal/starter.ts';
import { createSweeper } from '../../../temporal/sweeper.ts';
import { fakeActivities } from '../../support/fake-activities.ts';
import { createRecordingRunner, openStationData, spec } from '../../support/station-data.ts';
import { startTemporal, testBundle } from '../../support/temporal.ts';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await startTemporal();
});
afterAll(() => env.teardown());

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const engineOn = (taskQueue: string) => createTemporalEngine({ client: env.client, taskQueue });
const away = async (): Promise<Engine> =>
  createTemporalEngine({ client: new Client({ connection: Connection.lazy({ address: '127.0.0.1:1' }) }), taskQueue: 'nowhere' });

/** Sweeps until the condition holds; the test's own time-out is the bound. */
const sweepUntil = async (sweeper: { run(signal: AbortSignal): Promise<void> }, holds: () => Promise<boolean>): Promise<void> => {
  const done = new AbortController();
  const running = sweeper.run(done.signal);
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
  done.abort();
  await running;
};

test('a task accepted while Temporal is away is started once when it is back', async () => {
  await using data = await openStationData();
  const { stores, objects } = data;
  const taskId = randomUUID();
  const unreachable = createStarter({ ...stores, engine: await away(), log: quiet });
  expect(await unreachable.submit({ id: taskId, owner: 'default', spec })).toBe('accepted');
  expect(await stores.tasks.get(taskId)).toMatchObject({ status: 'QUEUED', start_acknowledged: false });

  const engine = engineOn(randomUUID());
  const { runner } = createRecordingRunner();
  const sweepers = ['one', 'two'].map((by) => createSweeper({ ...stores, objects, runner, engine, log: quiet, by }));
  const acknowledged = async () => (await stores.tasks.get(taskId))?.start_acknowledged === true;
  await Promise.all(sweepers.map((sweeper) => sweepUntil(sweeper, acknowledged)));

  const runs = [];
  for await (const run of env.client.workflow.list({ query: `WorkflowId = "${taskId}"` })) runs.push(run.runId);
  expect(await engine.describe(taskId)).toBe('running');
  expect(runs.length).toBeLessThanOrEqual(1);
  await env.client.workflow.getHandle(taskId).terminate();
});

test('a task cancelled before any workflow exists ends as CANCELLED, and its id is refused afterwards', async () => {
  await using data = await openStationData();
  const { stores, objects } = data;
  const taskId = randomUUID();
  const starter = createStarter({ ...stores, engine: await away(), log: quiet });
  await starter.submit({ id: taskId, owner: 'default', spec });
  expect(await starter.cancel(taskId)).toMatchObject({ cancel_requested: true });

  const { runner } = createRecordingRunner();
  const sweeper = createSweeper({ ...stores, objects, runner, engine: engineOn(randomUUID()), log: quiet, by: 'one' });
  await sweepUntil(sweeper, async () => (await stores.tasks.get(taskId))?.status === 'CANCELLED');
  const { events } = await stores.events.read(taskId, 0, 10);
  expect(events.at(-1)).toMatchObject({ type: 'status', data: { status: 'CANCELLED' } });
});

test('a workflow that operators terminated fails its task and ends its runs', async () => {
  await using data = await openStationData();
  const { stores, objects } = data;
  const { taskId, runId } = await data.taskWithRun();
  const engine = engineOn(randomUUID());
  await engine.start(taskId, { version: 1, spec, owner: 'default' });
  await stores.outbox.acknowledgeStart(taskId);
  await env.client.workflow.getHandle(taskId).terminate('by hand');

  const { runner, removed } = createRecordingRunner({ [runId]: { state: 'running' } });
  const sweeper = createSweeper({ ...stores, objects, runner, engine, log: quiet, by: 'one', silentForMs: 0 });
  await sweepUntil(sweeper, async () => removed.length > 0);
  expect(await stores.tasks.get(taskId)).toMatchObject({ status: 'FAILED', failure: { reason: 'TERMINATED' } });
  expect(removed).toContain(runId);
});

test('a workflow that is gone is started again, and the task completes', async () => {
  await using data = await openStationData();
  const { stores, objects } = data;
  const taskId = randomUUID();
  await stores.tasks.insert({ id: taskId, owner: 'default', spec });
  await stores.outbox.acknowledgeStart(taskId);
  const taskQueue = randomUUID();
  const { runner } = createRecordingRunner();
  const { activities } = fakeActivities();
  const worker = await Worker.create({ connection: env.nativeConnection, taskQueue, workflowBundle: await testBundle(), activities });
  const engine = engineOn(taskQueue);
  const sweeper = createSweeper({ ...stores, objects, runner, engine, log: quiet, by: 'one', silentForMs: 0 });
  await worker.runUntil(sweepUntil(sweeper, async () => (await engine.describe(taskId)) === 'completed'));
});

test('starting twice is one workflow, after its end too; an unreachable server is told as such', async () => {
  const engine = engineOn(randomUUID());
  const taskId = randomUUID();
  await engine.start(taskId, { version: 1, spec });
  await engine.start(taskId, { version: 1, spec });
  const { runId } = await env.client.workflow.getHandle(taskId).describe();
  await env.client.workflow.getHandle(taskId).terminate();
  await engine.start(taskId, { version: 1, spec });
  expect((await env.client.workflow.getHandle(taskId).describe()).runId).toBe(runId);
  expect(await engine.cancel(taskId)).toBe(false);
  expect(await engine.describe(randomUUID())).toBe('absent');
  await engine.erase(taskId);
  await expect((await away()).start(taskId, { version: 1, spec })).rejects.toThrow(EngineUnavailableError);
});

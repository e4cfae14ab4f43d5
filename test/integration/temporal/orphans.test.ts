import { randomUUID } from 'node:crypto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { EngineUnavailableError } from '../../../tasks/ports/engine.ts';
import type { Runner } from '../../../tasks/ports/runner.ts';
import type { RunObservation } from '../../../tasks/run.ts';
import { ensureOrphanSchedule, orphanScheduleId } from '../../../temporal/orphan-schedule.ts';
import { fakeActivities } from '../../support/fake-activities.ts';
import { openWorkflow, type ReapDeps, reapOrphans } from '../../support/reap-orphans.ts';
import { createRecordingRunner, openStationData } from '../../support/station-data.ts';
import { startTemporal, testBundle } from '../../support/temporal.ts';
import { until } from '../../support/until.ts';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await startTemporal();
});
afterAll(() => env.teardown());

const running: RunObservation = { state: 'running' };

test('runs of closed workflows are removed with what their tasks staged; living and unknown ones are kept', async () => {
  await using data = await openStationData();
  const [living, terminated, expired, unknown] = await Promise.all([
    data.taskWithRun(),
    data.taskWithRun(),
    data.taskWithRun(),
    data.taskWithRun(),
  ]);
  await openWorkflow(env, living.taskId);
  await openWorkflow(env, terminated.taskId);
  await env.client.workflow.getHandle(terminated.taskId).terminate();
  // Past Temporal's retention, its row says that it has ended.
  await data.stores.tasks.update(expired.taskId, 1, { status: 'COMPLETED' });
  const blob = await data.upload(terminated.runId, 'staged');
  const elsewhere = `${randomUUID()}-a1`;
  const all = [living, terminated, expired, unknown].map(({ runId }) => runId);
  const { runner, removed } = createRecordingRunner(Object.fromEntries([...all, elsewhere].map((runId) => [runId, running])));

  expect(await reapOrphans(env, data, runner)).toEqual({ removed: 2, kept: 2 });
  expect(new Set(removed)).toEqual(new Set([terminated.runId, expired.runId]));
  expect((await data.stores.runs.list(terminated.taskId))[0]?.ended_at).not.toBeNull();
  expect(await data.objects.stat(`runs/${terminated.runId}/${blob.sha256}`)).toBeNull();
  expect(await runner.list()).toEqual(expect.arrayContaining([living.runId, unknown.runId, elsewhere]));
});

test.each<[string, (runner: Runner) => { readonly runner: Runner; readonly change: Partial<ReapDeps> }]>([
  [
    'the engine does not answer',
    (runner) => ({ runner, change: { engine: { describe: async () => Promise.reject(new EngineUnavailableError('away')) } } }),
  ],
  [
    'the store does not answer',
    (runner) => ({
      runner,
      change: { engine: { describe: async () => 'absent' }, tasks: { get: async () => Promise.reject(new Error('away')) } },
    }),
  ],
  [
    'the runner can not say what it holds',
    (runner) => ({ runner: { ...runner, list: async () => Promise.reject(new Error('away')) }, change: {} }),
  ],
  [
    'neither engine nor store knows anything',
    (runner) => ({ runner, change: { engine: { describe: async () => 'absent' }, tasks: { get: async () => null } } }),
  ],
])('nothing is removed while %s', async (_, disturbed) => {
  await using data = await openStationData();
  const { taskId, runId } = await data.taskWithRun();
  await openWorkflow(env, taskId);
  await env.client.workflow.getHandle(taskId).terminate();
  const recording = createRecordingRunner({ [runId]: running });
  const { runner, change } = disturbed(recording.runner);
  await reapOrphans(env, data, runner, change).catch(() => undefined);
  expect(recording.removed).toEqual([]);
});

test('one schedule does it for all workers, and stays paused where an operator paused it', async () => {
  const taskQueue = randomUUID();
  const ensure = () => ensureOrphanSchedule({ client: env.client, taskQueue });
  await Promise.all([ensure(), ensure()]);
  const schedule = env.client.schedule.getHandle(orphanScheduleId(taskQueue));
  const { activities, calls } = fakeActivities();
  const worker = await Worker.create({ connection: env.nativeConnection, taskQueue, workflowBundle: await testBundle(), activities });
  await worker.runUntil(async () => {
    await schedule.trigger();
    await until('the schedule has run', () => calls.some(({ name }) => name === 'reapOrphans'));
  });
  await schedule.pause('by hand');
  await ensure();
  expect((await schedule.describe()).state.paused).toBe(true);
});

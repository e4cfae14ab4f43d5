import { Context } from '@temporalio/activity';
import { ApplicationFailure, WorkflowFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities, WatchedRun } from '../../../activities/contract.ts';
import type { TaskProgress } from '../../../tasks/task.ts';
import { fakeActivities, type Recorded } from '../../support/fake-activities.ts';
import { saveHistory } from '../../support/histories.ts';
import { type StartedTask, startTemporal, withTask } from '../../support/temporal.ts';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await startTemporal();
}, 30_000);
afterAll(() => env.teardown());

const namesOf = (calls: readonly Recorded[], name: keyof Activities) => calls.filter((call) => call.name === name);
const phasesOf = (calls: readonly Recorded[]) =>
  namesOf(calls, 'recordProgress').flatMap(({ input }) => {
    const { patch } = input as { patch: Partial<TaskProgress> };
    return patch.phase ?? [];
  });
const inputOf = <T>(calls: readonly Recorded[], name: keyof Activities): T => namesOf(calls, name).at(-1)?.input as T;

/** Hangs until it is cancelled, as a step in the middle of its work. */
const untilCancelled = async (): Promise<never> => {
  const context = Context.current();
  const heart = setInterval(() => context.heartbeat(), 50);
  try {
    return await context.cancelled;
  } finally {
    clearInterval(heart);
  }
};

const failureOf = async ({ handle }: StartedTask): Promise<ApplicationFailure> => {
  const error = await handle.result().then(
    () => new Error('the workflow completed'),
    (failure: unknown) => failure,
  );
  if (error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure) return error.cause;
  throw error;
};

test('an ordinary task completes, within the bounds of its history', async () => {
  const { activities, calls } = fakeActivities();
  await withTask(env, activities, {}, async (task) => {
    const result = await task.handle.result();
    expect(result).toMatchObject({ status: 'COMPLETED', verification: null, artifacts: [{ name: 'diff.patch' }] });
    const described = await task.handle.describe();
    expect(described.searchAttributes).toMatchObject({
      CodebayStatus: ['COMPLETED'],
      CodebayRepo: ['example.com/a/b'],
      CodebayMode: ['modify'],
    });
    expect(described.historyLength).toBeLessThanOrEqual(80);
    expect(described.historySize).toBeLessThanOrEqual(60 * 1024);
    await saveHistory('completed', task.handle);
  });
  expect(phasesOf(calls)).toEqual(['RESOLVING', 'DOWNLOADING_CODE', 'SETTING_UP', 'RUNNING_AGENT', 'COLLECTING']);
  const revisions = namesOf(calls, 'recordProgress').map(({ input }) => (input as { revision: number }).revision);
  expect(revisions).toEqual(revisions.map((_, index) => index + 1));
  expect(inputOf<{ revision: number }>(calls, 'finishTask').revision).toBe(revisions.length + 1);
  expect(namesOf(calls, 'stopRun')).toHaveLength(0);
  expect(namesOf(calls, 'releaseRun')).toHaveLength(1);
});

test('a typed failure of a step becomes the reason of the task and of the workflow', async () => {
  const { activities, calls } = fakeActivities({
    resolveSource: async () => {
      throw ApplicationFailure.nonRetryable('no such branch', 'SOURCE_NOT_FOUND');
    },
  });
  await withTask(env, activities, {}, async (task) => {
    expect(await failureOf(task)).toMatchObject({ type: 'SOURCE_NOT_FOUND', message: 'no such branch' });
    expect((await task.handle.describe()).searchAttributes).toMatchObject({
      CodebayStatus: ['FAILED'],
      CodebayFailure: ['SOURCE_NOT_FOUND'],
    });
    await saveHistory('source-not-found', task.handle);
  });
  expect(inputOf(calls, 'finishTask')).toMatchObject({
    status: 'FAILED',
    failure: { reason: 'SOURCE_NOT_FOUND', detail: 'no such branch' },
  });
  expect(namesOf(calls, 'startRun')).toHaveLength(0);
});

test('a run that fails still has its outputs collected', async () => {
  const { activities, calls } = fakeActivities({
    watchRun: async () => ({ state: 'failed', reason: 'OUT_OF_MEMORY', detail: 'used 4 GiB' }),
  });
  await withTask(env, activities, {}, async (task) => {
    expect(await failureOf(task)).toMatchObject({ type: 'OUT_OF_MEMORY' });
    await saveHistory('run-failed', task.handle);
  });
  expect(namesOf(calls, 'collectOutputs')).toHaveLength(1);
});

test('a lost run gets a successor with the next epoch; an interrupted one too, at once', async () => {
  const ends: WatchedRun[] = [
    { state: 'lost', detail: 'gone', interrupted: false },
    { state: 'lost', detail: 'stopped', interrupted: true },
    { state: 'succeeded', exit_code: 0, detail: '' },
  ];
  const { activities, calls } = fakeActivities({
    watchRun: async () => ends.shift() ?? { state: 'failed', reason: 'INTERNAL', detail: '' },
  });
  await withTask(env, activities, {}, async (task) => {
    await task.handle.result();
    await saveHistory('resumed', task.handle);
    const runIds = namesOf(calls, 'startRun').map(({ input }) => (input as { run_id: string }).run_id);
    expect(runIds).toEqual([1, 2, 3].map((epoch) => `${task.taskId}-a${epoch}`));
  });
  expect(namesOf(calls, 'releaseRun')).toHaveLength(3);
});

test('a run that is lost again and again fails the task', async () => {
  const { activities, calls } = fakeActivities({ watchRun: async () => ({ state: 'lost', detail: 'gone', interrupted: false }) });
  await withTask(env, activities, {}, async (task) => {
    expect(await failureOf(task)).toMatchObject({ type: 'RUN_LOST', message: 'gone' });
    await saveHistory('run-lost', task.handle);
  });
  expect(namesOf(calls, 'startRun')).toHaveLength(4);
}, 30_000);

test('a task waits for a slot and says so, until one is offered', async () => {
  let free = false;
  const { activities, calls } = fakeActivities({ claimSlot: async () => ({ granted: free }) });
  await withTask(env, activities, {}, async (task) => {
    const waits = () =>
      namesOf(calls, 'recordProgress').some(({ input }) => (input as { patch: Partial<TaskProgress> }).patch.waiting_for === 'slot');
    while (!waits()) await new Promise((resolve) => setImmediate(resolve));
    free = true;
    await task.handle.signal('slotOffered');
    await task.handle.result();
    await saveHistory('waited-for-slot', task.handle);
  });
  expect(namesOf(calls, 'claimSlot').length).toBeGreaterThanOrEqual(2);
});

test('the verify command runs in a run of its own and its exit code decides', async () => {
  const { activities, calls } = fakeActivities({
    watchRun: async ({ run_id }) => ({ state: 'succeeded', exit_code: run_id.includes('-v') ? 1 : 0, detail: 'one test failed' }),
  });
  await withTask(env, activities, { verify: { command: 'npm test' } }, async (task) => {
    expect((await task.handle.result()).verification).toEqual({
      status: 'failed',
      command: 'npm test',
      exit_code: 1,
      detail: 'one test failed',
    });
    await saveHistory('verified', task.handle);
  });
  expect(phasesOf(calls)).toContain('VERIFYING');
  expect(inputOf(calls, 'collectOutputs')).toMatchObject({ status: 'COMPLETED', verification: { status: 'failed' } });
});

test.each(['resolveSource', 'stageCode', 'startRun', 'watchRun'] as const)(
  'a cancellation during %s ends in CANCELLED with the run gone',
  async (step) => {
    const { activities, calls } = fakeActivities({ [step]: untilCancelled });
    await withTask(env, activities, {}, async (task) => {
      while (namesOf(calls, step).length === 0) await new Promise((resolve) => setImmediate(resolve));
      await task.handle.cancel();
      await expect(task.handle.result()).rejects.toThrow(WorkflowFailedError);
      expect((await task.handle.describe()).status.name).toBe('CANCELLED');
      await saveHistory(`cancelled-in-${step}`, task.handle);
    });
    expect(inputOf(calls, 'finishTask')).toMatchObject({ status: 'CANCELLED', failure: null });
    const hadRun = step === 'startRun' || step === 'watchRun';
    expect(namesOf(calls, 'stopRun')).toHaveLength(hadRun ? 1 : 0);
    expect(namesOf(calls, 'releaseRun')).toHaveLength(hadRun ? 1 : 0);
  },
);

test('an id that has ended or was erased is refused', async () => {
  const { activities, calls } = fakeActivities({ registerTask: async () => ({ admission: 'closed', repo: 'zip', owner: 'default' }) });
  await withTask(env, activities, {}, async (task) => {
    expect(await failureOf(task)).toMatchObject({ type: 'TERMINATED' });
    await saveHistory('closed', task.handle);
  });
  expect(namesOf(calls, 'finishTask')).toHaveLength(0);
});

import { randomUUID } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { ApplicationFailure, WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { createClaimSlot } from '../../../activities/claim-slot.ts';
import type { Activities, WatchedRun } from '../../../activities/contract.ts';
import { createRecordProgress, writeRevision } from '../../../activities/record-progress.ts';
import { createRegisterTask } from '../../../activities/register-task.ts';
import type { Stores } from '../../../tasks/ports/stores.ts';
import { isTerminal } from '../../../tasks/status.ts';
import { fakeActivities } from '../../support/fake-activities.ts';
import { openStationData } from '../../support/station-data.ts';
import { startTemporal, withTask } from '../../support/temporal.ts';
import { until } from '../../support/until.ts';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await startTemporal();
}, 30_000);
afterAll(() => env.teardown());

/** The real bookkeeping over a store; the other steps are the test's. */
const activitiesOver = ({ tasks, outbox, events, runs }: Stores, overrides: Partial<Activities>) => {
  const claimSlot = createClaimSlot({ tasks, runs, slots: { max: 9 }, runsQueue: 'unused' });
  const progress = { tasks, events, now: Date.now };
  return fakeActivities({
    registerTask: createRegisterTask({ tasks, outbox, engine: { cancel: async () => true }, defaultOwner: 'default' }),
    recordProgress: createRecordProgress(progress),
    // One worker does it all.
    claimSlot: async (claim) => ({ ...(await claimSlot(claim)), queue: undefined }),
    releaseRun: async ({ run_id }) => void (await runs.end(run_id)),
    finishTask: async ({ task_id, revision, status, failure, verification, artifacts }) =>
      void (await writeRevision(progress, task_id, revision, { status, failure, verification, artifacts, phase: null, waiting_for: null })),
    ...overrides,
  });
};

/** As `temporal workflow reset` does: to the n-th completion of a workflow task. */
const reset = async (handle: WorkflowHandle, n: number): Promise<WorkflowHandle> => {
  const { events } = await handle.fetchHistory();
  const points = (events ?? []).filter(({ workflowTaskCompletedEventAttributes }) => workflowTaskCompletedEventAttributes);
  const { runId } = await env.client.workflowService.resetWorkflowExecution({
    namespace: env.namespace ?? 'default',
    workflowExecution: { workflowId: handle.workflowId },
    workflowTaskFinishEventId: points[n]?.eventId ?? null,
    requestId: randomUUID(),
    reason: 'by hand',
  });
  return env.client.workflow.getHandle(handle.workflowId, runId);
};

const failureOf = async (handle: WorkflowHandle): Promise<unknown> => {
  const error = await handle.result().catch((reason: unknown) => reason);
  return error instanceof WorkflowFailedError ? error.cause : error;
};

const SUCCEEDED: WatchedRun = { state: 'succeeded', exit_code: 0, detail: '' };

const untilCancelled = async (): Promise<never> => {
  const heart = setInterval(() => Context.current().heartbeat(), 50);
  try {
    return await Context.current().cancelled;
  } finally {
    clearInterval(heart);
  }
};

/** Watches a run until it is told how runs end from then on. */
const createWatch = () => {
  const watch: { end: WatchedRun | null; watched: string[] } = { end: null, watched: [] };
  const watchRun: Activities['watchRun'] = async ({ run_id, seen_phase }) => {
    if (seen_phase !== 'agent') return { state: 'running', phase: 'agent' };
    watch.watched.push(run_id);
    return watch.end ?? untilCancelled();
  };
  return { watch, watchRun };
};

test.each([
  ['its beginning', 0],
  ['the middle', 2],
])('an unfinished task whose workflow is reset to %s goes on, and its row follows', async (_, point) => {
  await using data = await openStationData();
  const { stores } = data;
  const { watch, watchRun } = createWatch();
  const { activities } = activitiesOver(stores, { watchRun });
  await withTask(env, activities, {}, async ({ taskId, handle }) => {
    await until('the agent is watched', () => watch.watched.length > 0);
    const before = (await stores.tasks.get(taskId))?.revision ?? 0;
    expect(before).toBeGreaterThan(3);
    // The run ended unnoticed, as it does when its workflow was terminated first.
    await stores.runs.end(`${taskId}-a1`);
    watch.end = SUCCEEDED;
    const again = await reset(handle, point);
    expect(await again.result()).toMatchObject({ status: 'COMPLETED' });

    const row = await stores.tasks.get(taskId);
    expect(row).toMatchObject({ status: 'COMPLETED', phase: null });
    expect(row?.revision).toBeGreaterThan(before);
    expect((await stores.runs.list(taskId)).map(({ id }) => id)).toEqual([`${taskId}-a1`, `${taskId}-a2`]);
    expect(watch.watched.at(-1)).toBe(`${taskId}-a2`);
    const { events } = await stores.events.read(taskId, 0, 100);
    expect(events.filter((event) => event.type === 'status' && isTerminal(event.data.status))).toEqual([events.at(-1)]);
  });
});

test('a run that still lives is watched on by the workflow after its reset', async () => {
  await using data = await openStationData();
  const { watch, watchRun } = createWatch();
  const { activities } = activitiesOver(data.stores, { watchRun });
  await withTask(env, activities, {}, async ({ taskId, handle }) => {
    await until('the agent is watched', () => watch.watched.length > 0);
    watch.end = SUCCEEDED;
    const again = await reset(handle, 0);
    expect(await again.result()).toMatchObject({ status: 'COMPLETED' });
    expect((await data.stores.runs.list(taskId)).map(({ id }) => id)).toEqual([`${taskId}-a1`]);
  });
});

test.each([
  ['its beginning', 0],
  ['the middle', 2],
])('a finished task whose workflow is reset to %s ends at once, and keeps what it has', async (_, point) => {
  await using data = await openStationData();
  const { stores } = data;
  const { watch, watchRun } = createWatch();
  watch.end = SUCCEEDED;
  const { activities, calls } = activitiesOver(stores, { watchRun });
  await withTask(env, activities, {}, async ({ taskId, handle }) => {
    await handle.result();
    const row = await stores.tasks.get(taskId);
    const again = await reset(handle, point);
    const failure = await failureOf(again);
    expect(failure).toBeInstanceOf(ApplicationFailure);
    expect(failure).toMatchObject({ type: 'TERMINATED' });
    expect(await stores.tasks.get(taskId)).toEqual(row);
    expect(calls.filter(({ name }) => name === 'collectOutputs')).toHaveLength(1);
    expect((await again.describe()).status.name).toBe('FAILED');
  });
});

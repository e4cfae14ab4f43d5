import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { createEraseExpired } from '../../../activities/erase-expired.ts';
import { createFilesystemStore } from '../../../platform/filesystem.ts';
import { openSqliteStore } from '../../../platform/sqlite.ts';
import { createEraseTask, type EraseTaskDeps } from '../../../tasks/erase-task.ts';
import { artifactKey, codeKey, runBlobKey, turnKey, uploadKey } from '../../../tasks/object-keys.ts';
import { createTemporalEngine } from '../../../temporal/engine.ts';
import { ensureRetentionSchedule, retentionScheduleId } from '../../../temporal/retention-schedule.ts';
import type { eraseExpiredTasks } from '../../../workflows/retention.ts';
import { fakeActivities } from '../../support/fake-activities.ts';
import { spec } from '../../support/station-data.ts';
import { startTemporal, testBundle } from '../../support/temporal.ts';
import { until } from '../../support/until.ts';

const DAY_MS = 24 * 3600 * 1000;
const sha256 = 'a'.repeat(64);

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await startTemporal();
});
afterAll(() => env.teardown());

/** A store whose clock the test sets, objects, and the real engine. */
const openData = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'codebay-retention-'));
  const clock = { now: Date.now() };
  const stores = await openSqliteStore(join(folder, 'store.db'), { now: () => clock.now });
  const objects = createFilesystemStore({ root: join(folder, 'objects'), publicUrl: 'http://station.test', secret: 'x'.repeat(64) });
  const engine = createTemporalEngine({ client: env.client, taskQueue: randomUUID() });
  return {
    clock,
    stores,
    objects,
    engine,
    /** A task with events, a run, something under each prefix and, where wanted, a closed workflow; it ended so many days ago, or lives. */
    async task(endedDaysAgo: number | null, withWorkflow = false): Promise<string> {
      const id = randomUUID();
      const runId = `${id}-a1`;
      await stores.tasks.insert({ id, owner: 'default', spec });
      await stores.runs.open({ id: runId, taskId: id, kind: 'agent', epoch: 1 });
      await stores.events.append(id, 'run', [{ type: 'checkpoint', data: { seq: 1, turn: 0 }, source_seq: 1, at: 0 }]);
      for (const key of [uploadKey(id), codeKey(id), turnKey(id, 1, sha256), runBlobKey(runId, sha256), artifactKey(id, 'diff.patch')]) {
        await objects.put(key, Readable.from(['x']));
      }
      if (withWorkflow) {
        await engine.start(id, { version: 1, spec });
        await env.client.workflow.getHandle(id).terminate();
      }
      if (endedDaysAgo !== null) {
        clock.now = Date.now() - endedDaysAgo * DAY_MS;
        await stores.tasks.update(id, 1, { status: 'COMPLETED' });
        clock.now = Date.now();
      }
      return id;
    },
    /** The files of the object store that belong to the task. */
    async objectsOf(id: string): Promise<string[]> {
      const all = await readdir(join(folder, 'objects'), { recursive: true, withFileTypes: true });
      return all.filter((entry) => entry.isFile() && join(entry.parentPath, entry.name).includes(id)).map(({ name }) => name);
    },
    async [Symbol.asyncDispose]() {
      await stores.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
type Data = Awaited<ReturnType<typeof openData>>;

const workerOn = async ({ stores, objects, engine }: Data, taskQueue: string): Promise<Worker> => {
  const eraseExpired = createEraseExpired({
    ...{ ...stores, objects, engine, now: Date.now, draining: new AbortController().signal },
    snapshotLimits: { ageMs: 7 * DAY_MS, totalBytes: 100 },
  });
  const { activities } = fakeActivities({ eraseExpired });
  return Worker.create({ connection: env.nativeConnection, taskQueue, workflowBundle: await testBundle(), activities });
};

const runRetention = async (data: Data, days: number): Promise<number> => {
  const taskQueue = randomUUID();
  const worker = await workerOn(data, taskQueue);
  const { erased } = await worker.runUntil(
    env.client.workflow.execute<typeof eraseExpiredTasks>('eraseExpiredTasks', {
      workflowId: randomUUID(),
      taskQueue,
      args: [{ retention_ms: days * DAY_MS }],
    }),
  );
  return erased;
};

test('what ended longer ago than the retention goes with its objects and history; all else stays', async () => {
  await using data = await openData();
  const { stores, engine } = data;
  const old = await data.task(31, true);
  const kept = [await data.task(29, true), await data.task(null)];
  expect(await runRetention(data, 30)).toBe(1);
  expect(await stores.tasks.get(old)).toBeNull();
  expect((await stores.events.read(old, 0, 10)).events).toEqual([]);
  expect(await data.objectsOf(old)).toEqual([]);
  // Temporal deletes in the background; the dev server takes half a minute.
  await until('the history is gone', async () => (await engine.describe(old)) === 'absent', 90_000);
  expect(await stores.tasks.insert({ id: old, owner: 'default', spec })).toBe('erased');
  for (const id of kept) {
    expect(await stores.tasks.get(id)).not.toBeNull();
    expect(await data.objectsOf(id)).toHaveLength(5);
    expect((await stores.events.read(id, 0, 10)).events).toHaveLength(1);
  }
  expect(await engine.describe(kept[0] ?? '')).toBe('terminated');
}, 120_000);

test('a terminal row whose workflow still runs is left alone', async () => {
  await using data = await openData();
  const id = await data.task(40);
  await data.engine.start(id, { version: 1, spec });
  expect(await runRetention(data, 30)).toBe(0);
  expect(await data.objectsOf(id)).toHaveLength(5);
  await env.client.workflow.getHandle(id).terminate();
  expect(await runRetention(data, 30)).toBe(1);
});

test('more than a batch is erased in one round', async () => {
  await using data = await openData();
  const ids = Array.from({ length: 120 }, () => randomUUID());
  data.clock.now = Date.now() - 2 * DAY_MS;
  for (const id of ids) {
    await data.stores.tasks.insert({ id, owner: 'default', spec });
    await data.stores.tasks.update(id, 1, { status: 'FAILED' });
  }
  expect(await runRetention(data, 1)).toBe(120);
  expect((await data.stores.tasks.list({ owner: null, limit: 10 })).tasks).toEqual([]);
});

const failing =
  <I extends unknown[], O>(call: (...input: I) => Promise<O>, from: number) =>
  async (...input: I): Promise<O> => {
    from -= 1;
    if (from < 0) throw new Error('the process died here');
    return call(...input);
  };

test.each<[string, (deps: EraseTaskDeps) => Partial<EraseTaskDeps>]>([
  ...[0, 1, 2, 3, 4].map((n): [string, (deps: EraseTaskDeps) => Partial<EraseTaskDeps>] => [
    `after ${n} prefixes`,
    ({ objects }) => ({ objects: { deletePrefix: failing((prefix: string) => objects.deletePrefix(prefix), n) } }),
  ]),
  ['before the history', ({ engine }) => ({ engine: { ...engine, erase: failing(engine.erase, 0) } })],
  ['before the row', ({ tasks }) => ({ tasks: { get: tasks.get, erase: failing(tasks.erase, 0) } })],
])('an erasure that is cut off %s is done again, and leaves nothing', async (_when, broken) => {
  await using data = await openData();
  const { stores, objects, engine } = data;
  const id = await data.task(31, true);
  const deps: EraseTaskDeps = { tasks: stores.tasks, runs: stores.runs, objects, engine };
  await expect(createEraseTask({ ...deps, ...broken(deps) })(id)).rejects.toThrow('died here');
  expect((await stores.retention.expired(Date.now(), 10)).taskIds).toEqual([id]);
  expect(await createEraseTask(deps)(id)).toBe('erased');
  expect(await stores.tasks.get(id)).toBeNull();
  expect(await data.objectsOf(id)).toEqual([]);
});

test('a task that can not be erased holds up no other', async () => {
  await using data = await openData();
  const [stuck, other] = [await data.task(32), await data.task(31)];
  const deletePrefix = async (prefix: string): Promise<void> => {
    if (prefix.includes(stuck)) throw new Error('refused');
    await data.objects.deletePrefix(prefix);
  };
  expect(await runRetention({ ...data, objects: { ...data.objects, deletePrefix } }, 30)).toBe(1);
  expect(await data.stores.tasks.get(other)).toBeNull();
  expect(await data.stores.tasks.get(stuck)).not.toBeNull();
});

test('the schedule is there once however many workers start, follows the setting, stays paused, and starts the erasing', async () => {
  await using data = await openData();
  const taskQueue = randomUUID();
  const { client } = env;
  const ensure = (retentionDays: number) => ensureRetentionSchedule({ client, taskQueue, retentionDays });
  await Promise.all([ensure(30), ensure(30)]);
  const handle = client.schedule.getHandle(retentionScheduleId(taskQueue));
  await handle.pause('by hand');
  await ensure(7);
  const described = await handle.describe();
  expect(described.state).toMatchObject({ paused: true, note: 'by hand' });
  expect(described.action).toMatchObject({ workflowType: 'eraseExpiredTasks', args: [{ retention_ms: 7 * DAY_MS }] });
  const old = await data.task(8);
  const worker = await workerOn(data, taskQueue);
  await worker.runUntil(async () => {
    await handle.trigger();
    await until('the old task is erased', async () => (await data.stores.tasks.get(old)) === null);
  });
  await handle.delete();
});

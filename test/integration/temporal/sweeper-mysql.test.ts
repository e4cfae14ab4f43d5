import { randomUUID } from 'node:crypto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { openMysqlStore } from '../../../platform/mysql.ts';
import type { Engine } from '../../../tasks/ports/engine.ts';
import { createTemporalEngine } from '../../../temporal/engine.ts';
import { createSweeper } from '../../../temporal/sweeper.ts';
import { type Mariadb, startMariadb } from '../../servers/mariadb.ts';
import { createRecordingRunner, openStationData, spec } from '../../support/station-data.ts';
import { startTemporal } from '../../support/temporal.ts';
import { until } from '../../support/until.ts';

let env: TestWorkflowEnvironment;
let server: Mariadb;
beforeAll(async () => {
  [env, server] = await Promise.all([startTemporal(), startMariadb()]);
});
afterAll(async () => {
  await env.teardown();
  await server.stop();
});

test('three sweepers on one database start every task once, and cancel every one that was to be', async () => {
  await using data = await openStationData();
  const url = await server.freshDatabase();
  const station = createTemporalEngine({ client: env.client, taskQueue: randomUUID() });
  const started: string[] = [];
  const errors: unknown[] = [];
  const engine: Engine = {
    ...station,
    start: async (taskId, input) => {
      started.push(taskId);
      await station.start(taskId, input);
    },
  };
  const log = { info: () => undefined, error: (fields: object) => errors.push(fields) };
  const replicas = await Promise.all(
    ['one', 'two', 'three'].map(async (by) => {
      const stores = await openMysqlStore(url, { connections: 4 });
      const { runner } = createRecordingRunner();
      return { stores, sweeper: createSweeper({ ...stores, objects: data.objects, runner, engine, log, by, silentForMs: 0 }) };
    }),
  );
  const stores = await openMysqlStore(url, { connections: 4 });
  const ids = Array.from({ length: 60 }, () => randomUUID());
  const toCancel = new Set<string>(ids.slice(0, 20));
  for (const id of ids) await stores.tasks.insert({ id, owner: 'default', spec });
  for (const id of toCancel) await stores.outbox.requestCancel(id);

  const done = new AbortController();
  const sweeping = replicas.map(({ sweeper }) => sweeper.run(done.signal));
  // Workflows write to their rows meanwhile.
  const writing = (async () => {
    for (let revision = 1; !done.signal.aborted; revision += 1)
      for (const id of ids) await stores.tasks.update(id, revision, { status: 'PROCESSING', phase: 'RESOLVING' });
  })();
  const rows = () => Promise.all(ids.map((id) => stores.tasks.get(id)));
  await until('every task is started or cancelled', async () =>
    (await rows()).every((row) => (toCancel.has(row?.id ?? '') ? row?.status === 'CANCELLED' : row?.start_acknowledged)),
  );
  done.abort();
  await Promise.all([...sweeping, writing]);

  expect(errors).toEqual([]);
  expect([...started].sort()).toEqual(ids.filter((id) => !toCancel.has(id)).sort());
  for (const id of ids) expect(await station.describe(id)).toBe(toCancel.has(id) ? 'absent' : 'running');
  for (const id of toCancel) {
    const { events } = await stores.events.read(id, 0, 100);
    expect(events.filter((event) => event.type === 'status')).toMatchObject([{ data: { status: 'CANCELLED' } }]);
  }
  for (const each of [stores, ...replicas.map((replica) => replica.stores)]) await each.close();
});

import { inspect } from 'node:util';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { openMysqlStore } from '../../../platform/mysql.ts';
import type { SourcedEvent } from '../../../tasks/ports/event-log.ts';
import { StoreUnavailableError } from '../../../tasks/ports/store-unavailable-error.ts';
import type { Stores } from '../../../tasks/ports/stores.ts';
import type { TaskSpec } from '../../../tasks/spec.ts';
import { type Mariadb, startMariadb } from '../../servers/mariadb.ts';
import { startTcpProxy, type TcpFault, type TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';

const spec: TaskSpec = { source: { type: 'git', url: 'https://example.org/a/b.git' }, prompt: 'Mend it', mode: 'modify' };
const event = (sourceSeq: number): SourcedEvent => ({
  type: 'checkpoint',
  data: { seq: sourceSeq, turn: 0 },
  source_seq: sourceSeq,
  at: 0,
});
const reservation = { taskId: 't1', runId: 't1-a1', turn: 1, requestSha256: 'aa', model: 'm', tokens: 60, costMicros: null };
const limits = { tokens: 100, costMicros: null };

let server: Mariadb;
let url: string;
let stores: Stores;
let admin: Connection;

beforeAll(async () => {
  server = await startMariadb();
});
afterAll(() => server.stop());
beforeEach(async () => {
  url = await server.freshDatabase();
  stores = await openMysqlStore(url, { connections: 10 });
  admin = await createConnection(url);
  await stores.tasks.insert({ id: 't1', owner: 'alice', spec });
  await stores.runs.open({ id: 't1-a1', taskId: 't1', kind: 'agent', epoch: 1 });
});
afterEach(async () => {
  admin.destroy();
  await stores.close();
});

const globalStatus = async (connection: Connection, name: string): Promise<number> => {
  const [rows] = await connection.query<RowDataPacket[]>('show global status like ?', [name]);
  return Number(rows[0]?.Value);
};

/** Asked on a connection that doesn't wait itself. */
const untilSomebodyWaits = (connection: Connection) =>
  until('a transaction waits for a lock', async () => (await globalStatus(connection, 'Innodb_row_lock_current_waits')) > 0);

describe('a connection that breaks', () => {
  let proxy: TcpProxy;
  let proxied: Stores;
  beforeEach(async () => {
    const { hostname, port, pathname } = new URL(url);
    proxy = await startTcpProxy({ host: hostname, port: Number(port) });
    proxied = await openMysqlStore(`mysql://root@127.0.0.1:${proxy.port}${pathname}`, { connections: 2 });
  });
  afterEach(async () => {
    await proxied.close();
    await proxy.close();
  });

  const finish = () => stores.tasks.update('t1', 1, { status: 'COMPLETED' });
  const completion = { outcome: 'succeeded', reason: null, detail: '', exit_code: 0, artifacts: [] } as const;

  interface Write {
    readonly write: string;
    /** What is sent to the server when the fault strikes. */
    readonly at?: RegExp;
    readonly before?: () => Promise<unknown>;
    readonly act: () => Promise<unknown>;
    readonly answers: unknown;
    /** What is there afterwards, by another connection. */
    readonly leaves: () => Promise<unknown>;
    readonly left: unknown;
  }
  const writes: readonly Write[] = [
    {
      write: 'a task that is inserted',
      act: () => proxied.tasks.insert({ id: 't2', owner: 'alice', spec }),
      answers: 'inserted',
      leaves: async () => (await stores.tasks.list({ owner: 'alice', limit: 9 })).tasks.map(({ id }) => id).sort(),
      left: ['t1', 't2'],
    },
    {
      write: 'a revision',
      act: () => proxied.tasks.update('t1', 1, { status: 'PROCESSING', phase: 'RESOLVING' }),
      answers: 'written',
      leaves: () => stores.tasks.get('t1'),
      left: expect.objectContaining({ revision: 1, phase: 'RESOLVING' }),
    },
    {
      write: 'an event',
      act: () => proxied.events.append('t1', 'run', [event(1), event(2)]),
      answers: 2,
      leaves: async () => (await stores.events.read('t1', 0, 9)).events.map(({ seq }) => seq),
      left: [1, 2],
    },
    {
      write: 'a message',
      act: () => proxied.mailbox.post('t1', 'm1', 'hello'),
      answers: expect.objectContaining({ id: 'm1', seq: 1 }),
      leaves: () => stores.mailbox.read('t1', 0),
      left: [expect.objectContaining({ id: 'm1', seq: 1 })],
    },
    {
      write: 'a reservation',
      act: () => proxied.ledger.reserve(reservation, limits),
      answers: { granted: true, id: expect.any(String) },
      leaves: () => stores.ledger.reserve({ ...reservation, tokens: 40 }, limits),
      left: { granted: true, id: expect.any(String) },
    },
    {
      write: "a run's end",
      act: () => proxied.runs.write('t1-a1', { phase: 'closed', completion }),
      answers: 'written',
      leaves: () => stores.runs.list('t1'),
      left: [expect.objectContaining({ phase: 'closed', completion })],
    },
    {
      write: 'a slot',
      act: () => proxied.runs.claimSlot('t1-a1', { max: 1 }),
      answers: true,
      leaves: async () => (await stores.runs.list('t1'))[0]?.granted_at,
      left: expect.any(Number),
    },
    {
      write: 'a run',
      act: () => proxied.runs.open({ id: 't1-a2', taskId: 't1', kind: 'agent', epoch: 2 }),
      answers: undefined,
      leaves: async () => (await stores.runs.list('t1')).map(({ id }) => id),
      left: ['t1-a1', 't1-a2'],
    },
    {
      write: 'an erasure',
      before: finish,
      act: () => proxied.tasks.erase('t1'),
      answers: true,
      leaves: () => stores.tasks.insert({ id: 't1', owner: 'alice', spec }),
      left: 'erased',
    },
    {
      write: 'an end without a workflow',
      act: () => proxied.outbox.endWithoutWorkflow('t1', 'TERMINATED'),
      answers: true,
      leaves: () => stores.tasks.get('t1'),
      left: expect.objectContaining({ status: 'FAILED' }),
    },
    {
      write: 'a cancel request',
      act: () => proxied.outbox.requestCancel('t1'),
      answers: expect.objectContaining({ cancel_requested: true }),
      leaves: () => stores.tasks.get('t1'),
      left: expect.objectContaining({ cancel_requested: true }),
    },
    {
      write: 'an idempotency key',
      act: () => proxied.idempotency.reserve('alice', 'key', 't2', 1000),
      answers: { outcome: 'reserved', taskId: 't2', takenOver: false },
      leaves: () => stores.idempotency.reserve('alice', 'key', 't3', 1000),
      left: expect.objectContaining({ outcome: 'in_progress' }),
    },
    {
      write: 'an entry of the egress ledger',
      act: () =>
        proxied.egress.record('t1', {
          run_id: 't1-a1',
          host: 'a.test',
          port: 443,
          address: null,
          decision: 'refused',
          reason: '',
          bytes_up: 0,
          bytes_down: 0,
          at: 0,
        }),
      answers: undefined,
      leaves: async () => (await stores.egress.list('t1')).length,
      left: 1,
    },
    {
      write: 'a settlement',
      at: /update `ledger`/,
      act: async () => {
        const held = await stores.ledger.reserve(reservation, limits);
        if (held.granted)
          await proxied.ledger.settle(held.id, { inputTokens: 5, outputTokens: 0, costMicros: null, kind: 'reported', journaled: false });
      },
      answers: undefined,
      leaves: () => stores.ledger.usage('t1'),
      left: { input_tokens: 5, output_tokens: 0, cost_micros: null, turns: 1 },
    },
    {
      write: 'a claim',
      at: /update `tasks` set `claim_token`/,
      act: async () => (await proxied.outbox.claimUnstarted({ by: 'p1', leaseMs: 60_000, olderThanMs: 0, limit: 9 })).map(({ id }) => id),
      answers: ['t1'],
      leaves: () => stores.outbox.claimUnstarted({ by: 'p2', leaseMs: 60_000, olderThanMs: 0, limit: 9 }),
      left: [],
    },
  ];

  describe.each<[string, TcpFault]>([
    ['after the commit has been carried out, before its reply', 'lose-reply'],
    ['before the commit', 'cut-before'],
  ])('%s', (_, fault) => {
    test.each(writes)('leaves $write once, and the caller with the answer', async ({ at, before, act, answers, leaves, left }) => {
      await before?.();
      proxy.strike(fault, at ?? /commit$/);
      expect(await act()).toEqual(answers);
      expect(proxy.struck()).toBe(1);
      expect(await leaves()).toEqual(left);
    });
  });

  test('under a read is not noticed by the reader', async () => {
    for (const fault of ['lose-reply', 'cut-before'] as const) {
      proxy.strike(fault, /select \* from `tasks`/);
      expect(await proxied.tasks.get('t1')).toMatchObject({ id: 't1' });
    }
    expect(proxy.struck()).toBe(2);
  });

  test('without a word is given up after the time that a statement may take', async () => {
    const impatient = await openMysqlStore(`mysql://root@127.0.0.1:${proxy.port}${new URL(url).pathname}`, {
      connections: 1,
      statementTimeoutMs: 300,
    });
    proxy.strike('stall', /select \* from `tasks`/);
    await expect(impatient.tasks.get('t1')).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(await impatient.tasks.get('t1')).toMatchObject({ id: 't1' });
    await impatient.close();
  });
});

test('a deadlock is tried again', async () => {
  await admin.beginTransaction();
  // The heavier of the two, so that the other one is chosen to give way.
  await admin.query("update runs set checkpoint = null, created_at = 5 where id = 't1-a1'");
  const granted = stores.runs.claimSlot('t1-a1', { max: 1 });
  await untilSomebodyWaits(admin);
  const deadlocks = await globalStatus(admin, 'Innodb_deadlocks');
  await admin.query("select name from locks where name = 'slots' for update");
  expect(await globalStatus(admin, 'Innodb_deadlocks')).toBe(deadlocks + 1);
  await admin.commit();
  expect(await granted).toBe(true);
});

/** Another transaction has the task. */
const holdTask = async (): Promise<void> => {
  await admin.beginTransaction();
  await admin.query("select id from tasks where id = 't1' for update");
};

test('a wait for a lock that takes too long is begun again', async () => {
  await holdTask();
  const waits = () => globalStatus(admin, 'Innodb_row_lock_waits');
  const before = await waits();
  const written = stores.tasks.update('t1', 1, { phase: 'RESOLVING' });
  await until('it waits for the second time', async () => (await waits()) >= before + 2);
  await admin.rollback();
  expect(await written).toBe('written');
});

test('who waits too long for a lock is told so, and can ask again', async () => {
  await holdTask();
  await expect(stores.tasks.update('t1', 1, { phase: 'RESOLVING' })).rejects.toBeInstanceOf(StoreUnavailableError);
  await admin.rollback();
  expect(await stores.tasks.update('t1', 1, { phase: 'RESOLVING' })).toBe('written');
});

test('who waits too long for a connection is told so', async () => {
  const small = await openMysqlStore(url, { connections: 1 });
  await holdTask();
  // One after the other they hold the only connection for longer than anybody queues for it.
  const holders = [1, 2].map((revision) => small.tasks.update('t1', revision, { phase: 'RESOLVING' }));
  const held = Promise.allSettled(holders);
  const began = performance.now();
  await expect(small.tasks.list({ owner: null, limit: 1 })).rejects.toMatchObject({
    name: 'StoreUnavailableError',
    cause: { code: 'NO_FREE_CONNECTION' },
  });
  expect(performance.now() - began).toBeLessThan(10_000);
  await admin.rollback();
  await held;
  expect((await small.tasks.get('t1'))?.id).toBe('t1');
  await small.close();
});

test('a server that is killed and restarted under load costs nothing that was acknowledged', async () => {
  const acknowledged = new Set<string>();
  const unavailable: number[] = [];
  const others: unknown[] = [];
  let going = true;
  const write = async (source: string): Promise<void> => {
    for (let seq = 1; going; ) {
      const began = performance.now();
      try {
        await stores.events.append('t1', source, [event(seq)]);
        acknowledged.add(`${source} ${seq}`);
        seq += 1;
      } catch (error) {
        if (error instanceof StoreUnavailableError) unavailable.push(performance.now() - began);
        else others.push(error);
      }
    }
  };
  const writers = Array.from({ length: 20 }, (_, n) => write(`s${n}`));
  await until('there is load', () => acknowledged.size > 100);
  await server.kill();
  await until('every writer has been told', () => unavailable.length >= 20);
  await server.start();
  const before = acknowledged.size;
  await until('it goes on', () => acknowledged.size > before + 100);
  going = false;
  await Promise.all(writers);

  expect(others).toEqual([]);
  expect(Math.max(...unavailable)).toBeLessThan(12_000);
  const { events } = await stores.events.read('t1', 0, 100_000);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  const found = events.map((each) => `${each.source} ${'seq' in each.data ? each.data.seq : 0}`);
  expect(new Set(found).size).toBe(found.length);
  for (const name of acknowledged) expect(found).toContain(name);
});

test('a watcher stays through a restart of the server, and hears of what comes after it', async () => {
  const abort = new AbortController();
  const changes = stores.events.changes('t1', abort.signal)[Symbol.asyncIterator]();
  for (let n = 0; n < 2; n += 1) await changes.next();
  await server.kill();
  await server.start();
  const elsewhere = await openMysqlStore(url, { connections: 1 });
  const heard = changes.next();
  await elsewhere.events.append('t1', 'run', [event(1)]);
  expect((await heard).done).toBe(false);
  abort.abort();
  await elsewhere.close();
});

test('no error tells what was to be written', async () => {
  const canary = 'canary-3fe1';
  const refused = await stores.tasks
    .insert({ id: 'x'.repeat(41), owner: canary, spec: { ...spec, prompt: canary } })
    .catch((error) => error);
  expect(refused).toMatchObject({ name: 'MysqlError', code: 'ER_DATA_TOO_LONG' });
  expect(inspect(refused, { depth: null })).not.toContain(canary);
});

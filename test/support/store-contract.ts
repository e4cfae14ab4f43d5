import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { SourcedEvent } from '../../tasks/ports/event-log.ts';
import type { Reservation, Settlement } from '../../tasks/ports/ledger.ts';
import type { Stores } from '../../tasks/ports/stores.ts';
import { InvalidCursorError, UnknownTaskError } from '../../tasks/ports/task-store.ts';
import type { Checkpoint, Completion } from '../../tasks/run.ts';
import type { TaskSpec } from '../../tasks/spec.ts';

/** A fresh, empty database. */
export interface StoreFixture {
  /** Opens one more connection to it. */
  connect(options?: { readonly now?: () => number; readonly resultsDue?: boolean }): Promise<Stores>;
  /** How `store-process.ts` reaches it: adapter and location. */
  readonly address: readonly [adapter: string, location: string];
  /** Removes the database; every connection is closed by then. */
  dispose(): Promise<void>;
}

const specOf = (url = 'https://example.org/team/app.git'): TaskSpec => ({
  source: { type: 'git', url },
  prompt: 'Mend it',
  mode: 'modify',
});

const checkpointEvent = (sourceSeq: number): SourcedEvent => ({
  type: 'checkpoint',
  data: { seq: sourceSeq, turn: 0 },
  source_seq: sourceSeq,
  at: 1000 + sourceSeq,
});

const checkpointOf = (runId: string, seq: number): Checkpoint => ({ run_id: runId, seq, turn: seq, delta: null, transcript: null });

const COMPLETION: Completion = { outcome: 'succeeded', reason: null, detail: 'done', exit_code: null, artifacts: [] };

const idsOf = (tasks: readonly { readonly id: string }[]) => tasks.map(({ id }) => id);

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index));

/** What every store adapter promises, whichever database it uses. */
export const storeContract = (name: string, open: () => Promise<StoreFixture>): void => {
  describe(`${name} as a store`, () => {
    let fixture: StoreFixture;
    let stores: Stores;
    let clock: { now: number };
    const opened: Stores[] = [];
    const children: ChildProcess[] = [];

    const endChildren = async (): Promise<void> => {
      for (const child of children.splice(0)) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    };

    const connect = async (): Promise<Stores> => {
      const connection = await fixture.connect({ now: () => clock.now });
      opened.push(connection);
      return connection;
    };

    /** Processes of `store-process.ts` that open the database at the same moment; their next line is their own. */
    const spawnProcesses = async (address: StoreFixture['address'], ...commands: readonly (readonly string[])[]) => {
      const script = new URL('./store-process.ts', import.meta.url).pathname;
      const spawned = commands.map((command) => {
        const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...address, ...command], {
          stdio: ['pipe', 'pipe', 'inherit'],
        });
        children.push(child);
        const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
        return { child, nextLine: async (): Promise<string | undefined> => (await lines.next()).value };
      });
      for (const { nextLine } of spawned) expect(await nextLine()).toBe('ready');
      for (const { child } of spawned) child.stdin.write('go\n');
      for (const { nextLine } of spawned) expect(await nextLine()).toBe('open');
      return spawned;
    };

    const insertFor = async (owner: string, ...ids: readonly string[]): Promise<void> => {
      for (const id of ids) {
        expect(await stores.tasks.insert({ id, owner, spec: specOf() })).toBe('inserted');
        clock.now += 1;
      }
    };
    const insert = (...ids: readonly string[]): Promise<void> => insertFor('alice', ...ids);

    beforeEach(async () => {
      clock = { now: 1_000_000 };
      fixture = await open();
      stores = await connect();
    });

    afterEach(async () => {
      await endChildren();
      for (const connection of opened.splice(0)) await connection.close();
      await fixture.dispose();
    });

    test('several processes can make the tables at once', async () => {
      const fresh = await open();
      try {
        await spawnProcesses(fresh.address, ['open'], ['open'], ['open']);
        const connection = await fresh.connect();
        expect(await connection.tasks.insert({ id: 't1', owner: 'alice', spec: specOf() })).toBe('inserted');
        await connection.close();
      } finally {
        await endChildren();
        await fresh.dispose();
      }
    });

    describe('tasks', () => {
      test('those inserted at the same time each get their own answer', async () => {
        await insert('old', 'gone');
        await stores.tasks.update('gone', 1, { status: 'COMPLETED' });
        await stores.tasks.erase('gone');
        const ids = ['old', 'gone', ...times(40, (n) => `t${n}`), 't7'];
        const outcomes = await Promise.all(ids.map((id) => stores.tasks.insert({ id, owner: 'alice', spec: specOf() })));
        expect(outcomes.slice(0, 2)).toEqual(['exists', 'erased']);
        expect(outcomes.filter((outcome) => outcome === 'inserted')).toHaveLength(40);
        expect(await stores.tasks.get('gone')).toBeNull();
        const { tasks } = await stores.tasks.list({ owner: 'alice', limit: 100 });
        expect(tasks.map(({ id }) => id).sort()).toEqual(['old', ...times(40, (n) => `t${n}`)].sort());
      });

      test('a task is inserted once and comes back as it was handed over', async () => {
        await insert('t1');
        expect(await stores.tasks.insert({ id: 't1', owner: 'bob', spec: specOf('https://example.org/other') })).toBe('exists');
        const task = await (await connect()).tasks.get('t1');
        expect(task).toEqual({
          id: 't1',
          owner: 'alice',
          spec: specOf(),
          status: 'QUEUED',
          phase: null,
          waiting_for: null,
          failure: null,
          commit: null,
          branch: null,
          verification: null,
          artifacts: [],
          revision: 0,
          cancel_requested: false,
          start_acknowledged: false,
          timings: {},
          created_at: 1_000_000,
          started_at: null,
          finished_at: null,
          updated_at: 1_000_000,
        });
        expect(await stores.tasks.get('t2')).toBeNull();
      });

      test('updates stamp times, keep what they leave out, and enter a phase once', async () => {
        await insert('t1');
        clock.now = 2_000_000;
        await stores.tasks.update('t1', 1, { status: 'PROCESSING', phase: 'RESOLVING' });
        clock.now = 2_000_100;
        await stores.tasks.update('t1', 2, { phase: 'RUNNING_AGENT', waiting_for: 'slot', commit: 'c0ffee', branch: 'main' });
        clock.now = 2_000_200;
        await stores.tasks.update('t1', 3, { phase: 'RESOLVING', waiting_for: null });
        clock.now = 2_000_300;
        const failure = { reason: 'TIMED_OUT', detail: 'after 1 s' } as const;
        const verification = { status: 'failed', command: 'make test', exit_code: 2, detail: '' } as const;
        const artifacts = [{ name: 'diff.patch', size_bytes: 3, sha256: 'ab' }] as const;
        expect(await stores.tasks.update('t1', 4, { status: 'FAILED', phase: null, failure, verification, artifacts })).toBe('written');
        expect(await stores.tasks.get('t1')).toMatchObject({
          status: 'FAILED',
          phase: null,
          waiting_for: null,
          failure,
          verification,
          artifacts,
          commit: 'c0ffee',
          branch: 'main',
          revision: 4,
          timings: { RESOLVING: 2_000_000, RUNNING_AGENT: 2_000_100 },
          started_at: 2_000_000,
          finished_at: 2_000_300,
          updated_at: 2_000_300,
        });
      });

      test('a late writer cannot move a task back, and a terminal one absorbs', async () => {
        await insert('t1');
        expect(await stores.tasks.update('t1', 5, { status: 'PROCESSING', phase: 'COLLECTING' })).toBe('written');
        expect(await stores.tasks.update('t1', 5, { phase: 'RESOLVING' })).toBe('stale');
        expect(await stores.tasks.update('t1', 4, { phase: 'RESOLVING' })).toBe('stale');
        expect(await stores.tasks.update('t1', 6, { status: 'COMPLETED', phase: null })).toBe('written');
        expect(await stores.tasks.update('t1', 7, { status: 'FAILED' })).toBe('terminal');
        expect(await stores.tasks.update('t2', 1, { status: 'FAILED' })).toBe('missing');
        expect(await stores.tasks.get('t1')).toMatchObject({ status: 'COMPLETED', phase: null, revision: 6 });
      });

      test('of writers with the same revision exactly one wins, whatever its connection', async () => {
        await insert('t1');
        const other = await connect();
        const results = await Promise.all(times(10, (n) => (n % 2 ? stores : other).tasks.update('t1', 1, { commit: `c${n}` })));
        expect(results.filter((result) => result === 'written')).toHaveLength(1);
        expect((await stores.tasks.get('t1'))?.commit).toBe(`c${results.indexOf('written')}`);
      });

      test('lists are newest first, filtered, and whole over their pages while tasks arrive', async () => {
        await insert('t1', 't2');
        clock.now -= 1;
        await insert('t3', 't4');
        await stores.tasks.insert({ id: 'u1', owner: 'bob', spec: specOf('https://example.org/team/lib.git') });
        await stores.tasks.update('t3', 1, { status: 'PROCESSING' });

        const seen: string[] = [];
        let cursor: string | null | undefined;
        while (cursor !== null) {
          const page = await stores.tasks.list({ owner: 'alice', limit: 1, ...(cursor === undefined ? {} : { cursor }) });
          seen.push(...page.tasks.map(({ id }) => id));
          cursor = page.nextCursor;
          clock.now += 10;
          await stores.tasks.insert({ id: `late${seen.length}`, owner: 'alice', spec: specOf() });
        }
        expect(seen).toEqual(['t4', 't3', 't2', 't1']);

        const idsOf = async (query: { status?: 'PROCESSING'; repo?: string; owner: string | null }) =>
          (await stores.tasks.list({ limit: 100, ...query })).tasks.map(({ id }) => id);
        expect(await idsOf({ owner: null, status: 'PROCESSING' })).toEqual(['t3']);
        expect(await idsOf({ owner: null, repo: 'example.org/team/lib' })).toEqual(['u1']);
        expect(await idsOf({ owner: 'nobody' })).toEqual([]);
      });

      test.each(['', 'x', '%%%', 'MTIz', Buffer.from('5.t1').toString('base64'), Buffer.from('-1.t1').toString('base64url')])(
        'the cursor %j, which no page gave, is refused',
        async (cursor) => {
          await expect(stores.tasks.list({ owner: null, limit: 1, cursor })).rejects.toBeInstanceOf(InvalidCursorError);
        },
      );

      test('erasing takes everything of a finished task and leaves a tombstone', async () => {
        await insert('t1', 't10');
        await stores.events.append('t1', 'workflow', [checkpointEvent(1)]);
        await stores.events.append('t10', 'workflow', [checkpointEvent(1)]);
        await stores.runs.open({ id: 't1-a1', taskId: 't1', kind: 'agent', epoch: 1 });
        await stores.mailbox.post('t1', 'm1', 'hello');
        await stores.egress.record('t1', egressEntry(1));
        await stores.idempotency.reserve('alice', 'key', 't1', 1000);
        const held = await stores.ledger.reserve(reservation({ tokens: 5 }), { tokens: 10, costMicros: null });
        if (held.granted) await stores.ledger.settle(held.id, settlement({ inputTokens: 5 }));

        expect(await stores.tasks.erase('t1')).toBe(false);
        await stores.tasks.update('t1', 1, { status: 'CANCELLED' });
        expect(await stores.tasks.erase('t1')).toBe(true);

        expect(await stores.tasks.get('t1')).toBeNull();
        expect(await stores.events.read('t1', 0, 10)).toEqual({ events: [], expiredThrough: 0 });
        expect(await stores.runs.list('t1')).toEqual([]);
        expect(await stores.mailbox.read('t1', 0)).toEqual([]);
        expect(await stores.egress.list('t1')).toEqual([]);
        expect((await stores.ledger.usage('t1')).turns).toBe(0);
        expect(await stores.idempotency.reserve('alice', 'key', 't2', 1000)).toMatchObject({ taskId: 't2' });
        expect((await stores.events.read('t10', 0, 10)).events).toHaveLength(1);
        expect(await stores.tasks.erase('t1')).toBe(false);
        expect(await stores.tasks.insert({ id: 't1', owner: 'alice', spec: specOf() })).toBe('erased');
        expect(await stores.tasks.get('t1')).toBeNull();
      });

      test('nothing brings an erased task back', async () => {
        await insert('t1');
        await stores.tasks.update('t1', 1, { status: 'COMPLETED' });
        await stores.tasks.erase('t1');
        expect(await stores.events.append('t1', 'workflow', [checkpointEvent(1)])).toBe(0);
        await stores.egress.record('t1', egressEntry(1));
        await expect(stores.runs.open({ id: 't1-a1', taskId: 't1', kind: 'agent', epoch: 1 })).rejects.toBeInstanceOf(UnknownTaskError);
        await expect(stores.mailbox.post('t1', 'm1', 'hello')).rejects.toBeInstanceOf(UnknownTaskError);
        await expect(stores.ledger.reserve(reservation({}), { tokens: 10, costMicros: null })).rejects.toBeInstanceOf(UnknownTaskError);
        expect((await stores.events.read('t1', 0, 10)).events).toEqual([]);
        expect(await stores.egress.list('t1')).toEqual([]);
      });
    });

    describe('versions', () => {
      it('tell of every change that a task shows, and whose task it is', async () => {
        await insert('t1');
        const versions: unknown[] = [await stores.versions.read('t1')];
        expect(versions[0]).toEqual({ owner: 'alice', status: 'QUEUED', revision: 0, cancel_requested: false, updated_at: clock.now - 1 });
        clock.now += 1;
        await stores.tasks.update('t1', 1, { status: 'PROCESSING', phase: 'RESOLVING' });
        versions.push(await (await connect()).versions.read('t1'));
        await stores.outbox.requestCancel('t1');
        versions.push(await stores.versions.read('t1'));
        await stores.tasks.update('t1', 2, { status: 'CANCELLED', phase: null });
        versions.push(await stores.versions.read('t1'));
        expect(new Set(versions.map((version) => JSON.stringify(version))).size).toBe(4);
        const task = await stores.tasks.get('t1');
        expect(task).toMatchObject({ ...(await stores.versions.read('t1')) });
        await stores.tasks.erase('t1');
        expect([await stores.versions.read('t1'), await stores.versions.read('t2')]).toEqual([null, null]);
      });
    });

    describe('outbox', () => {
      const claim = { by: 'p1', leaseMs: 1000, olderThanMs: 100, limit: 10 };

      test('an unstarted row is claimed once a lease, oldest first, until its start is acknowledged', async () => {
        await insert('t1', 't2', 't3');
        expect(await stores.outbox.claimUnstarted(claim)).toEqual([]);
        clock.now += 100;
        expect(idsOf(await stores.outbox.claimUnstarted({ ...claim, limit: 2 }))).toEqual(['t1', 't2']);
        expect(idsOf(await stores.outbox.claimUnstarted({ ...claim, by: 'p2' }))).toEqual(['t3']);
        expect(await stores.outbox.claimUnstarted(claim)).toEqual([]);
        await stores.outbox.acknowledgeStart('t2');
        clock.now += 1000;
        expect(idsOf(await stores.outbox.claimUnstarted(claim))).toEqual(['t1', 't3']);
        expect((await stores.tasks.get('t2'))?.start_acknowledged).toBe(true);
      });

      test('parallel claims never share a row', async () => {
        await insert(...times(20, (n) => `t${n}`));
        clock.now += 100;
        const other = await connect();
        const claims = await Promise.all(times(8, (n) => (n % 2 ? stores : other).outbox.claimUnstarted({ ...claim, limit: 5 })));
        const ids = claims.flatMap(idsOf);
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids.length).toBeGreaterThan(0);
      });

      test('a cancel request comes again until the task is terminal', async () => {
        await insert('t1');
        await stores.outbox.acknowledgeStart('t1');
        clock.now += 10_000;
        expect(await stores.outbox.requestCancel('t1')).toMatchObject({ id: 't1', cancel_requested: true, status: 'QUEUED' });
        expect(await stores.outbox.requestCancel('t1')).toEqual(await stores.tasks.get('t1'));
        expect(await stores.outbox.claimUnstarted(claim)).toEqual([]);
        clock.now += 100;
        expect(await stores.outbox.claimUnstarted(claim)).toMatchObject([{ id: 't1', cancel_requested: true }]);
        clock.now += 1000;
        expect(idsOf(await stores.outbox.claimUnstarted(claim))).toEqual(['t1']);
        expect(await stores.outbox.endWithoutWorkflow('t1', 'CANCELLED')).toBe(true);
        clock.now += 1000;
        expect(await stores.outbox.claimUnstarted(claim)).toEqual([]);
        expect(await stores.outbox.requestCancel('t2')).toBeNull();
      });

      test('a finished task takes no cancel request', async () => {
        await insert('t1');
        await stores.tasks.update('t1', 1, { status: 'COMPLETED' });
        expect(await stores.outbox.requestCancel('t1')).toMatchObject({ status: 'COMPLETED', cancel_requested: false });
      });

      test('the reconciler gets started rows that nobody wrote to', async () => {
        await insert('t1', 't2', 't3');
        await stores.outbox.acknowledgeStart('t1');
        await stores.outbox.acknowledgeStart('t2');
        clock.now += 100;
        await stores.tasks.update('t2', 1, { status: 'PROCESSING' });
        expect(idsOf(await stores.outbox.claimSilent(claim))).toEqual(['t1']);
        expect(await stores.outbox.claimSilent(claim)).toEqual([]);
      });

      test('a task without a workflow is ended once', async () => {
        await insert('t1');
        await stores.tasks.update('t1', 3, { status: 'PROCESSING', phase: 'RUNNING_AGENT', waiting_for: 'slot' });
        expect(await stores.outbox.endWithoutWorkflow('t1', 'TERMINATED')).toBe(true);
        expect(await stores.tasks.get('t1')).toMatchObject({
          status: 'FAILED',
          failure: { reason: 'TERMINATED' },
          phase: null,
          waiting_for: null,
          finished_at: clock.now,
        });
        expect(await stores.outbox.endWithoutWorkflow('t1', 'CANCELLED')).toBe(false);
        expect(await stores.tasks.update('t1', 4, { status: 'COMPLETED' })).toBe('terminal');
      });
    });

    describe('the outbox of results', () => {
      const claim = { by: 'w', leaseMs: 1000, olderThanMs: 0, limit: 10 };
      let wanted: Stores;
      beforeEach(async () => {
        wanted = await fixture.connect({ now: () => clock.now, resultsDue: true });
        opened.push(wanted);
      });

      test('each end makes a result due, whichever way it came, until it is published', async () => {
        for (const id of ['t1', 't2', 't3']) await insert(id);
        await wanted.tasks.update('t1', 1, { status: 'PROCESSING' });
        expect(await wanted.results.claimDue(claim)).toEqual([]);
        await wanted.tasks.update('t1', 2, { status: 'COMPLETED' });
        clock.now += 1;
        await wanted.outbox.endWithoutWorkflow('t2', 'CANCELLED');
        clock.now += 1;
        expect((await wanted.results.claimDue({ ...claim, olderThanMs: 2 })).map(({ id, status }) => [id, status])).toEqual([
          ['t1', 'COMPLETED'],
        ]);
        expect(idsOf(await wanted.results.claimDue(claim))).toEqual(['t2']);
        await wanted.results.markPublished('t1');
        clock.now += 1000;
        expect(idsOf(await wanted.results.claimDue(claim))).toEqual(['t2']);
      });

      test('one claimer gets a row at a time; a claim on the living task holds nothing up', async () => {
        await insert('t1');
        await insert('t2');
        await stores.outbox.acknowledgeStart('t1');
        expect(await stores.outbox.claimSilent(claim)).toHaveLength(1);
        for (const id of ['t1', 't2']) await wanted.tasks.update(id, 1, { status: 'COMPLETED' });
        expect(idsOf(await wanted.results.claimDue({ ...claim, taskId: 't1' }))).toEqual(['t1']);
        expect(await stores.results.claimDue({ ...claim, taskId: 't1', by: 'x' })).toEqual([]);
        expect(idsOf(await stores.results.claimDue({ ...claim, by: 'x' }))).toEqual(['t2']);
      });

      test('where nobody wants results, none wait', async () => {
        await insert('t1');
        await insert('t2');
        await stores.tasks.update('t1', 1, { status: 'COMPLETED' });
        await stores.outbox.endWithoutWorkflow('t2', 'TERMINATED');
        expect(await wanted.results.claimDue(claim)).toEqual([]);
      });
    });

    describe('events', () => {
      const seqsOf = async (taskId: string) => (await stores.events.read(taskId, 0, 10_000)).events.map(({ seq }) => seq);

      test('events come back numbered and as they were', async () => {
        await insert('t1');
        const log: SourcedEvent = { type: 'log', data: { stream: 'agent', text: 'zwölf\n\u0000' }, source_seq: 7, at: 5 };
        expect(await stores.events.append('t1', 'run', [log, checkpointEvent(8)])).toBe(2);
        expect(await stores.events.read('t1', 0, 1)).toEqual({
          events: [{ type: 'log', data: log.data, seq: 1, at: 5, source: 'run' }],
          expiredThrough: 0,
        });
        expect((await stores.events.read('t1', 1, 10)).events).toMatchObject([{ seq: 2, type: 'checkpoint' }]);
      });

      test('a repeated append adds only what is new', async () => {
        await insert('t1');
        await stores.events.append('t1', 'a', [checkpointEvent(1), checkpointEvent(2)]);
        expect(
          await stores.events.append('t1', 'a', [checkpointEvent(1), checkpointEvent(2), checkpointEvent(3), checkpointEvent(3)]),
        ).toBe(3);
        expect(await stores.events.append('t1', 'a', [checkpointEvent(2)])).toBe(3);
        expect(await stores.events.append('t1', 'b', [checkpointEvent(2)])).toBe(4);
        expect(await stores.events.append('t1', 'b', [])).toBe(4);
        expect(await seqsOf('t1')).toEqual([1, 2, 3, 4]);
      });

      test('parallel appends of several connections leave no gap', async () => {
        await insert('t1');
        const other = await connect();
        await Promise.all(
          times(40, (n) => (n % 2 ? stores : other).events.append('t1', `s${n}`, [checkpointEvent(1), checkpointEvent(2)])),
        );
        expect(await seqsOf('t1')).toEqual(times(80, (n) => n + 1));
      });

      test('two processes that write, one of them killed in the middle, leave whole numbers', async () => {
        await insert('t1');
        const [first, second] = await spawnProcesses(fixture.address, ['append', 't1', 'p1'], ['append', 't1', 'p2']);
        if (first === undefined || second === undefined) throw new Error('not spawned');
        for (const { nextLine } of [first, second]) for (let n = 0; n < 20; n += 1) await nextLine();
        first.child.kill('SIGKILL');
        // The other one goes on without waiting for anything that the dead one held.
        let acknowledged = 0;
        for (let n = 0; n < 20; n += 1) acknowledged = Number(await second.nextLine());
        await endChildren();

        const { events } = await stores.events.read('t1', 0, 100_000);
        expect(events.map(({ seq }) => seq)).toEqual(times(events.length, (n) => n + 1));
        expect(events.length).toBeGreaterThanOrEqual(acknowledged);
        for (const source of ['p1', 'p2']) {
          const own = events.filter((event) => event.source === source).map(({ data }) => ('seq' in data ? data.seq : 0));
          expect(own).toEqual(times(own.length, (n) => n + 1));
        }
        expect(await stores.events.append('t1', 'p3', [checkpointEvent(1)])).toBe(events.length + 1);
      });

      test('a change by another connection wakes every listener; the end of the signal ends it', async () => {
        await insert('t1');
        const other = await connect();
        const abort = new AbortController();
        const listeners = times(3, () => stores.events.changes('t1', abort.signal)[Symbol.asyncIterator]());
        for (const listener of listeners) expect((await listener.next()).done).toBe(false);
        // The first look at the database may find it changed since nobody looked.
        for (const listener of listeners) await listener.next();
        const woken = listeners.map((listener) => listener.next());
        await other.events.append('t1', 'elsewhere', [checkpointEvent(1)]);
        for (const change of await Promise.all(woken)) expect(change.done).toBe(false);
        expect((await stores.events.read('t1', 0, 10)).events).toHaveLength(1);

        const own = listeners[0]?.next();
        await stores.events.append('t1', 'here', [checkpointEvent(1)]);
        expect((await own)?.done).toBe(false);

        const last = listeners[0]?.next();
        abort.abort();
        expect((await last)?.done).toBe(true);
        for (const listener of listeners) expect((await listener.next()).done).toBe(true);
      });

      test('closing the store ends its listeners', async () => {
        const short = await fixture.connect();
        const listener = short.events.changes('t1', new AbortController().signal)[Symbol.asyncIterator]();
        await listener.next();
        await short.close();
        expect((await listener.next()).done).toBe(true);
      });
    });

    describe('runs', () => {
      const openRun = async (id: string, taskId: string, epoch = 1, kind: 'agent' | 'verify' = 'agent') => {
        await stores.runs.open({ id, taskId, kind, epoch });
        clock.now += 1;
      };

      test('a run is opened once', async () => {
        await insert('t1');
        await openRun('t1-a1', 't1');
        await stores.runs.write('t1-a1', { phase: 'setup' });
        await openRun('t1-a1', 't1');
        expect(await stores.runs.list('t1')).toEqual([
          {
            id: 't1-a1',
            task_id: 't1',
            kind: 'agent',
            epoch: 1,
            phase: 'setup',
            checkpoint: null,
            completion: null,
            created_at: 1_000_001,
            granted_at: null,
            ended_at: null,
          },
        ]);
      });

      test('a run moves forward only', async () => {
        await insert('t1');
        await openRun('t1-a1', 't1');
        const write = (patch: Parameters<Stores['runs']['write']>[1]) => stores.runs.write('t1-a1', patch);
        expect(await write({ phase: 'agent' })).toBe('written');
        expect(await write({ phase: 'agent' })).toBe('written');
        expect(await write({ phase: 'setup' })).toBe('stale');
        expect(await write({ checkpoint: checkpointOf('t1-a1', 2) })).toBe('written');
        expect(await write({ checkpoint: checkpointOf('t1-a1', 2) })).toBe('stale');
        expect(await write({ checkpoint: checkpointOf('t1-a1', 1) })).toBe('stale');
        expect(await write({ phase: 'closed', completion: COMPLETION })).toBe('written');
        expect(await write({ completion: { ...COMPLETION, outcome: 'failed' } })).toBe('stale');
        expect(await write({ checkpoint: checkpointOf('t1-a1', 3) })).toBe('stale');
        expect(await stores.runs.list('t1')).toMatchObject([
          { phase: 'closed', checkpoint: { seq: 2 }, completion: { outcome: 'succeeded' } },
        ]);
        expect(await stores.runs.write('t1-a9', { phase: 'agent' })).toBe('stale');
      });

      test('the phases of many runs are one read, without those that are unknown', async () => {
        await insert('t1', 't2');
        await openRun('t1-a1', 't1');
        await openRun('t2-a1', 't2');
        await stores.runs.write('t2-a1', { phase: 'agent' });
        const unknown = times(1000, (n) => `x${n}-a1`);
        const phases = await stores.phases.read(['t1-a1', ...unknown, 't2-a1']);
        expect(Object.fromEntries(phases)).toEqual({ 't1-a1': 'fetching', 't2-a1': 'agent' });
        expect(await stores.phases.read([])).toEqual(new Map());
      });

      test('a completion without the phase is written once too', async () => {
        await insert('t1');
        await openRun('t1-a1', 't1');
        expect(await stores.runs.write('t1-a1', { completion: COMPLETION })).toBe('written');
        expect(await stores.runs.write('t1-a1', { completion: COMPLETION })).toBe('stale');
      });

      test('a successor takes the authority of earlier runs of its kind', async () => {
        await insert('t1');
        await openRun('t1-a1', 't1');
        await openRun('t1-v1', 't1', 1, 'verify');
        await stores.runs.claimSlot('t1-a1', { max: 9 });
        await openRun('t1-a2', 't1', 2);
        expect(await stores.runs.write('t1-a1', { checkpoint: checkpointOf('t1-a1', 1) })).toBe('stale');
        expect(await stores.runs.write('t1-v1', { phase: 'agent' })).toBe('written');
        expect(await stores.runs.write('t1-a2', { phase: 'agent' })).toBe('written');
        await stores.runs.end('t1-a2');
        expect(await stores.runs.write('t1-a2', { checkpoint: checkpointOf('t1-a2', 1) })).toBe('stale');
        expect((await stores.runs.list('t1')).map(({ id }) => id)).toEqual(['t1-a1', 't1-v1', 't1-a2']);
      });

      test('slots go to those who have waited longest, and to as many as there are', async () => {
        await insert('t1', 't2', 't3', 't4');
        for (const n of [1, 2, 3, 4]) await openRun(`t${n}-a1`, `t${n}`);
        expect(await stores.runs.claimSlot('t3-a1', { max: 2 })).toBe(false);
        expect(await stores.runs.claimSlot('t2-a1', { max: 2 })).toBe(true);
        expect(await stores.runs.claimSlot('t2-a1', { max: 2 })).toBe(true);
        expect(await stores.runs.claimSlot('t1-a1', { max: 2 })).toBe(true);
        expect(await stores.runs.end('t2-a1', 9)).toEqual(['t3', 't4']);
        expect(await stores.runs.claimSlot('t4-a1', { max: 2 })).toBe(false);
        expect(await stores.runs.claimSlot('t3-a1', { max: 2 })).toBe(true);
        expect(await stores.runs.end('t2-a1', 9)).toEqual(['t4']);
        expect(await stores.runs.claimSlot('t2-a1', { max: 2 })).toBe(false);
      });

      /** Ends runs one after the other; tells whose turn it was each time, after they have taken their slots. */
      const takeTurns = async (running: string[], turns: number, limits: { readonly max: number; readonly maxPerOwner?: number }) => {
        const taken: string[] = [];
        for (let n = 0; n < turns; n += 1) {
          const [next = 'nobody'] = await stores.runs.end(`${running.shift()}-a1`, 1);
          if (!(await stores.runs.claimSlot(`${next}-a1`, limits))) break;
          taken.push(next);
          running.push(next);
        }
        return taken;
      };

      test.each([
        [20, 1],
        [300, 2],
        [20, 3],
      ])('%i runs of one owner do not keep others waiting, with %i slots', async (runs, max) => {
        const many = times(runs, (n) => `a${n}`);
        await insertFor('alice', ...many);
        for (const id of many) await openRun(`${id}-a1`, id);
        const running = many.slice(0, max);
        for (const id of running) expect(await stores.runs.claimSlot(`${id}-a1`, { max })).toBe(true);
        await insertFor('bob', 'b1', 'b2');
        await insertFor('carol', 'c1');
        for (const id of ['b1', 'b2', 'c1']) await openRun(`${id}-a1`, id);
        const taken = await takeTurns(running, 5, { max });
        expect(taken.slice(0, 2)).toEqual(['b1', 'c1']);
        expect(taken).toContain('b2');
        expect(taken.filter((id) => id.startsWith('a'))).toEqual([`a${max}`, `a${max + 1}`]);
      });

      test('an owner holds no more slots than one may, and others have what is left', async () => {
        const limits = { max: 4, maxPerOwner: 2 };
        await insertFor('alice', 'a1', 'a2', 'a3');
        await insertFor('bob', 'b1');
        for (const id of ['a1', 'a2', 'a3', 'b1']) await openRun(`${id}-a1`, id);
        const claims: boolean[] = [];
        for (const id of ['a1', 'a2', 'a3', 'b1']) claims.push(await stores.runs.claimSlot(`${id}-a1`, limits));
        expect(claims).toEqual([true, true, false, true]);
        expect(await stores.runs.end('a1-a1', 3)).toEqual(['a3']);
        expect(await stores.runs.claimSlot('a3-a1', limits)).toBe(true);
      });

      test('parallel claims grant exactly as many slots as there are', async () => {
        const ids = times(12, (n) => `t${n}`);
        await insert(...ids);
        for (const id of ids) await openRun(`${id}-a1`, id);
        const other = await connect();
        const granted = await Promise.all(ids.map((id, n) => (n % 2 ? stores : other).runs.claimSlot(`${id}-a1`, { max: 3 })));
        expect(granted).toEqual(ids.map((_, n) => n < 3));
      });

      test.each<[string, () => Promise<unknown>]>([
        ['asked to cancel', () => stores.outbox.requestCancel('t1')],
        ['terminated', () => stores.outbox.endWithoutWorkflow('t1', 'TERMINATED')],
        ['finished', () => stores.tasks.update('t1', 1, { status: 'CANCELLED' })],
        ['given a successor', () => openRun('t1-a2', 't1', 2)],
      ])('a waiting run leaves the queue when its task is %s', async (_, leave) => {
        await insert('t1', 't2');
        await openRun('t1-a1', 't1');
        await openRun('t2-a1', 't2');
        expect(await stores.runs.claimSlot('t2-a1', { max: 1 })).toBe(false);
        await leave();
        expect(await stores.runs.claimSlot('t1-a1', { max: 1 })).toBe(false);
        expect(await stores.runs.claimSlot('t2-a1', { max: 1 })).toBe(true);
      });

      test('a run with a slot keeps it until it ends, though its task is over', async () => {
        await insert('t1', 't2');
        await openRun('t1-a1', 't1');
        await openRun('t2-a1', 't2');
        await stores.runs.claimSlot('t1-a1', { max: 1 });
        await stores.outbox.requestCancel('t1');
        expect(await stores.runs.claimSlot('t2-a1', { max: 1 })).toBe(false);
        expect(await stores.runs.write('t1-a1', { completion: COMPLETION, phase: 'closed' })).toBe('written');
        expect(await stores.runs.end('t1-a1', 9)).toEqual(['t2']);
        expect(await stores.runs.claimSlot('t2-a1', { max: 1 })).toBe(true);
      });
    });

    describe('ledger', () => {
      const limits = { tokens: 100, costMicros: 1000 };

      test('what is reserved and what is settled count against both limits', async () => {
        await insert('t1');
        const first = await stores.ledger.reserve(reservation({ tokens: 60, costMicros: 100 }), limits);
        expect(await stores.ledger.reserve(reservation({ tokens: 41 }), limits)).toMatchObject({ granted: false, used: { turns: 0 } });
        if (!first.granted) throw new Error('refused');
        expect((await stores.ledger.usage('t1')).input_tokens).toBe(0);
        await stores.ledger.settle(first.id, settlement({ inputTokens: 20, outputTokens: 5, costMicros: 900 }));
        await stores.ledger.settle(first.id, settlement({ inputTokens: 1 }));
        const used = { input_tokens: 20, output_tokens: 5, cost_micros: 900, turns: 1 };
        expect(await stores.ledger.usage('t1')).toEqual(used);
        expect(await stores.ledger.reserve(reservation({ tokens: 76, costMicros: 0 }), limits)).toEqual({ granted: false, used });
        expect(await stores.ledger.reserve(reservation({ tokens: 10, costMicros: 101 }), limits)).toEqual({ granted: false, used });
        expect(await stores.ledger.reserve(reservation({ tokens: 75, costMicros: 100 }), limits)).toMatchObject({ granted: true });
      });

      test('without a price the tokens are counted and the money is unknown', async () => {
        await insert('t1');
        const held = await stores.ledger.reserve(reservation({ tokens: 10, costMicros: null }), limits);
        if (!held.granted) throw new Error('refused');
        await stores.ledger.settle(held.id, settlement({ inputTokens: 3, costMicros: null }));
        expect(await stores.ledger.usage('t1')).toEqual({ input_tokens: 3, output_tokens: 0, cost_micros: null, turns: 1 });
      });

      test('50 reservations from two processes are granted exactly to the limit', async () => {
        await insert('t1');
        const command = ['reserve', 't1', '25', '7', '100'];
        const processes = await spawnProcesses(fixture.address, command, command);
        const granted = await Promise.all(processes.map(async ({ nextLine }) => Number(await nextLine())));
        expect(granted.reduce((sum, count) => sum + count, 0)).toBe(14);
        const rest = { tokens: 100, costMicros: null };
        expect(await stores.ledger.reserve(reservation({ tokens: 3 }), rest)).toMatchObject({ granted: false });
        expect(await stores.ledger.reserve(reservation({ tokens: 2 }), rest)).toMatchObject({ granted: true });
      });

      test('what a dead process left reserved is charged in full, once', async () => {
        await insert('t1');
        const dead = await stores.ledger.reserve(reservation({ tokens: 30, costMicros: 40 }), limits);
        clock.now += 500;
        await stores.ledger.reserve(reservation({ tokens: 5 }), limits);
        expect(await stores.ledger.sweep(500)).toBe(1);
        expect(await stores.ledger.sweep(500)).toBe(0);
        if (dead.granted) await stores.ledger.settle(dead.id, settlement({ inputTokens: 1 }));
        expect(await stores.ledger.usage('t1')).toEqual({ input_tokens: 30, output_tokens: 0, cost_micros: 40, turns: 1 });
      });

      test('only a journaled answer to the same request at the same turn is found', async () => {
        await insert('t1');
        const settled = settlement({ inputTokens: 4, outputTokens: 2, costMicros: 6, journaled: true });
        const first = await stores.ledger.reserve(reservation({ turn: 1, requestSha256: 'aa' }), limits);
        const second = await stores.ledger.reserve(reservation({ turn: 2, requestSha256: 'bb' }), limits);
        if (!first.granted || !second.granted) throw new Error('refused');
        expect(await stores.ledger.findJournaled('t1', 1, 'aa')).toBeNull();
        await stores.ledger.settle(first.id, settled);
        await stores.ledger.settle(second.id, settlement({ kind: 'estimated' }));
        expect(await stores.ledger.findJournaled('t1', 1, 'aa')).toEqual(settled);
        expect(await stores.ledger.findJournaled('t1', 2, 'aa')).toBeNull();
        expect(await stores.ledger.findJournaled('t1', 2, 'bb')).toBeNull();
        expect(await stores.ledger.findJournaled('t2', 1, 'aa')).toBeNull();
      });
    });

    test('messages are kept once, in the order of posting', async () => {
      await insert('t1', 't2');
      const other = await connect();
      const first = await stores.mailbox.post('t1', 'm1', 'hello');
      expect(first).toEqual({ id: 'm1', seq: 1, text: 'hello', at: clock.now });
      expect(await other.mailbox.post('t1', 'm1', 'changed')).toEqual(first);
      await stores.mailbox.post('t2', 'm1', 'another task');
      await Promise.all(times(10, (n) => (n % 2 ? stores : other).mailbox.post('t1', `n${n}`, `${n}`)));
      const messages = await stores.mailbox.read('t1', 1);
      expect(messages.map(({ seq }) => seq)).toEqual(times(10, (n) => n + 2));
      expect(messages.every(({ id, text }) => id === `n${text}`)).toBe(true);
    });

    test('the newest thousand connections of a set-up are kept, in their order', async () => {
      await insert('t1');
      for (let n = 1; n <= 1003; n += 1) await stores.egress.record('t1', egressEntry(n));
      const entries = await stores.egress.list('t1');
      expect(entries.map(({ port }) => port)).toEqual(times(1000, (n) => n + 4));
      expect(entries[0]).toEqual(egressEntry(4));
    });

    test('a key opens for its owner only, and is not kept', async () => {
      const key = await stores.apiKeys.create('alice');
      expect(key).toMatch(/^cbk_[A-Za-z0-9_-]{43}$/);
      expect(await stores.apiKeys.create('alice')).not.toBe(key);
      expect(await (await connect()).apiKeys.verify(key)).toBe('alice');
      for (const wrong of ['', 'cbk_', key.toUpperCase(), `${key} `, `cbk_${'A'.repeat(43)}`])
        expect(await stores.apiKeys.verify(wrong)).toBeNull();
    });

    test('keys are listed without themselves, and a revoked one opens nothing more', async () => {
      const { apiKeys } = stores;
      const kept = await apiKeys.create('alice', 'laptop');
      clock.now += 1;
      const lost = await apiKeys.create('bob');
      const [first, second] = await apiKeys.list();
      expect(first).toMatchObject({ owner: 'alice', label: 'laptop', created_at: clock.now - 1, last_used_at: null, revoked_at: null });
      expect(second).toMatchObject({ owner: 'bob', label: null });
      expect(JSON.stringify([first, second])).not.toContain(kept.slice(4));
      const id = second?.id ?? '';
      expect(id).toMatch(/^[0-9a-f]{12}$/);
      expect(await (await connect()).apiKeys.revoke(id)).toBe(true);
      const revokedAt = clock.now;
      clock.now += 1;
      expect(await apiKeys.revoke(id)).toBe(true);
      expect((await apiKeys.list())[1]?.revoked_at).toBe(revokedAt);
      expect(await apiKeys.verify(lost)).toBeNull();
      expect(await apiKeys.verify(kept)).toBe('alice');
      for (const unknown of ['', '%', id.slice(0, 8), '0'.repeat(12)]) expect(await apiKeys.revoke(unknown)).toBe(false);
    });

    test('when a key was last used is noted once an hour', async () => {
      const key = await stores.apiKeys.create('alice');
      const lastUsed = async () => (await stores.apiKeys.list())[0]?.last_used_at;
      await stores.apiKeys.verify(key);
      const first = clock.now;
      clock.now += 3600_000 - 1;
      await stores.apiKeys.verify(key);
      expect(await lastUsed()).toBe(first);
      clock.now += 1;
      await stores.apiKeys.verify(key);
      expect(await lastUsed()).toBe(clock.now);
    });

    test('tasks that ended long ago are found page by page, those that ended first come first, and no other', async () => {
      for (const id of ['t5', 't2', 't4', 't1', 't3']) await insert(id);
      for (const id of ['t2', 't1', 't3']) await stores.tasks.update(id, 1, { status: 'COMPLETED' });
      clock.now += 10;
      await stores.tasks.update('t4', 1, { status: 'FAILED' });
      const after = clock.now + 1;
      const page = await stores.retention.expired(after, 2);
      expect(page.taskIds).toEqual(['t1', 't2']);
      await stores.tasks.erase('t1');
      expect(await stores.retention.expired(after, 2, page.nextCursor ?? '')).toEqual({ taskIds: ['t3', 't4'], nextCursor: null });
      expect((await stores.retention.expired(clock.now, 9)).taskIds).toEqual(['t2', 't3']);
      await expect(stores.retention.expired(after, 2, 'odd')).rejects.toThrow(InvalidCursorError);
    });

    describe('snapshots of set-ups', () => {
      const entry = (id: string, sha256 = 'aa') => ({ id, owner: 'alice', sha256, size_bytes: 10 });
      const surplus = async (createdBefore: number, maxBytes: number) =>
        (await stores.snapshots.surplus({ createdBefore, maxBytes })).map(({ id }) => id).sort();

      test('one is found by its owner alone, and the newest of an id stands', async () => {
        await stores.snapshots.save(entry('s1'));
        expect(await (await connect()).snapshots.find('alice', 's1')).toEqual({ ...entry('s1'), created_at: 1_000_000 });
        expect(await stores.snapshots.find('bob', 's1')).toBeNull();
        expect(await stores.snapshots.find('alice', 's2')).toBeNull();
        clock.now += 5;
        await stores.snapshots.save(entry('s1', 'bb'));
        expect(await stores.snapshots.find('alice', 's1')).toEqual({ ...entry('s1', 'bb'), created_at: 1_000_005 });
      });

      test('surplus is what is old, and what was not used for longest; what took its place stays', async () => {
        for (const id of ['s1', 's2', 's3']) {
          await stores.snapshots.save(entry(id));
          clock.now += 1;
        }
        expect(await surplus(0, 30)).toEqual([]);
        expect(await surplus(0, 20)).toEqual(['s1']);
        await stores.snapshots.find('alice', 's1');
        expect(await surplus(0, 20)).toEqual(['s2']);
        expect(await surplus(1_000_002, 30)).toEqual(['s1', 's2']);
        const [old] = await stores.snapshots.surplus({ createdBefore: 1_000_001, maxBytes: 30 });
        await stores.snapshots.save(entry('s1', 'bb'));
        if (old !== undefined) await stores.snapshots.remove(old);
        const fresh = await stores.snapshots.find('alice', 's1');
        expect(fresh).toMatchObject({ sha256: 'bb' });
        if (fresh !== null) await stores.snapshots.remove(fresh);
        expect(await stores.snapshots.find('alice', 's1')).toBeNull();
      });
    });

    describe('idempotency keys', () => {
      test('a key is reserved, compared once answered, and its own for each owner', async () => {
        const { idempotency } = stores;
        expect(await idempotency.reserve('alice', 'k', 't1', 1000)).toEqual({ outcome: 'reserved', taskId: 't1', takenOver: false });
        expect(await idempotency.reserve('alice', 'k', 't2', 1000)).toEqual({ outcome: 'in_progress', retryAfterMs: 1000 });
        expect(await idempotency.reserve('bob', 'k', 't3', 1000)).toMatchObject({ outcome: 'reserved', taskId: 't3' });
        await idempotency.complete('alice', 'k', 'body');
        await idempotency.complete('alice', 'k', 'another');
        await idempotency.release('alice', 'k');
        expect(await idempotency.reserve('alice', 'k', 't4', 1000)).toEqual({ outcome: 'compare', taskId: 't1', bodySha256: 'body' });
      });

      test('a dead request is taken over under its task id, a live one renews', async () => {
        const { idempotency } = stores;
        await idempotency.reserve('alice', 'k', 't1', 1000);
        clock.now += 900;
        await idempotency.renew('alice', 'k', 1000);
        clock.now += 900;
        expect(await idempotency.reserve('alice', 'k', 't2', 1000)).toEqual({ outcome: 'in_progress', retryAfterMs: 100 });
        clock.now += 100;
        const taken = await Promise.all(times(5, () => idempotency.reserve('alice', 'k', 't2', 1000)));
        expect(taken.filter(({ outcome }) => outcome === 'reserved')).toEqual([{ outcome: 'reserved', taskId: 't1', takenOver: true }]);
      });

      test('a refused submission frees its key', async () => {
        await stores.idempotency.reserve('alice', 'k', 't1', 1000);
        await stores.idempotency.release('alice', 'k');
        expect(await stores.idempotency.reserve('alice', 'k', 't2', 1000)).toMatchObject({ outcome: 'reserved', taskId: 't2' });
      });

      test('an answer is kept for a day', async () => {
        const day = 24 * 3600 * 1000;
        await stores.idempotency.reserve('alice', 'k', 't1', 1000);
        await stores.idempotency.complete('alice', 'k', 'body');
        clock.now += day;
        expect(await stores.idempotency.reserve('alice', 'k', 't2', 1000)).toMatchObject({ outcome: 'compare' });
        expect(await stores.retention.forgetKeys()).toBe(0);
        clock.now += 1;
        expect(await stores.retention.forgetKeys()).toBe(1);
        expect(await stores.idempotency.reserve('alice', 'k', 't2', 1000)).toMatchObject({
          outcome: 'reserved',
          taskId: 't2',
          takenOver: false,
        });
      });
    });
  });
};

const egressEntry = (port: number) => ({
  run_id: 't1-a1',
  host: 'registry.example.org',
  port,
  address: null,
  decision: 'refused' as const,
  reason: 'not allowed',
  bytes_up: 0,
  bytes_down: 0,
  at: 1,
});

const reservation = (parts: Partial<Reservation>): Reservation => ({
  taskId: 't1',
  runId: 't1-a1',
  turn: 1,
  requestSha256: 'aa',
  model: 'm',
  tokens: 1,
  costMicros: 0,
  ...parts,
});

const settlement = (parts: Partial<Settlement>): Settlement => ({
  inputTokens: 0,
  outputTokens: 0,
  costMicros: 0,
  kind: 'reported',
  journaled: false,
  ...parts,
});

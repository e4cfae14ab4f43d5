import { createHash } from 'node:crypto';
import { setupSnapshotKey } from '../../../tasks/object-keys.ts';
import type { RunPhase } from '../../../tasks/run.ts';
import { type SetupDecision, setupDecisionSchema } from '../../../tasks/setup-protocol.ts';
import { taskSpecSchema } from '../../../tasks/spec.ts';
import { startGateway, type TestGateway } from '../../support/gateway.ts';

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const CONTENT = 'what set-up made';
const WISH = {
  script: { path: 'setup.sh', sha256: hashOf('script') },
  cache: { environment: 'image@sha256:1', dependencies_sha256: hashOf('lock'), may_wait: true },
};

describe('the cache of set-ups', () => {
  let gateway: TestGateway;
  beforeEach(async () => {
    gateway = await startGateway();
  });
  afterEach(() => gateway.close());

  /** A run of a fresh task at the tip of a branch. */
  const runOf = async (taskId: string, owner = 'alice', branch = 'main', phase: RunPhase = 'fetching') => {
    const spec = taskSpecSchema.parse({ source: { type: 'git', url: 'https://example.org/app' }, prompt: 'do it' });
    await gateway.stores.tasks.insert({ id: taskId, owner, spec });
    await gateway.stores.tasks.update(taskId, 1, { branch, commit: hashOf(taskId).slice(0, 40) });
    const run = await gateway.run(taskId, phase);
    return {
      ...run,
      begin: async (wish: object = WISH): Promise<SetupDecision> =>
        setupDecisionSchema.parse(await (await run.send('POST', '/run/setup', wish)).json()),
      keep: async (id: string, content = CONTENT, sha256 = hashOf(content)) =>
        (await run.send('PUT', `/run/setup/snapshots/${id}?sha256=${sha256}`, content)).status,
    };
  };
  const cacheOf = (decision: SetupDecision) => (decision.decision === 'allowed' ? decision.cache : null);
  const toBuild = (decision: SetupDecision) => {
    const cache = cacheOf(decision);
    if (cache?.use !== 'build') throw new Error(`not to build: ${JSON.stringify(decision)}`);
    return cache;
  };
  /** One set-up that is built and kept; its id. */
  const kept = async (taskId = 'b1'): Promise<string> => {
    const builder = await runOf(taskId);
    const { id, lease } = toBuild(await builder.begin());
    expect(await builder.keep(id)).toBe(204);
    expect((await builder.send('POST', '/run/setup/lease', { id, lease, done: true })).status).toBe(204);
    return id;
  };

  test('one builds, those who wait for it get what it made, without secrets, and see so', async () => {
    const builder = await runOf('t1');
    const built = toBuild(await builder.begin());
    const other = await runOf('t2');
    expect(await other.begin()).toMatchObject({ decision: 'wait' });
    expect((await gateway.stores.runs.list('t2'))[0]?.phase).toBe('fetching');
    expect(await builder.keep(built.id)).toBe(204);
    const detail = 'set-up restored from cache (setup.sh was not run)';
    const cache = { use: 'restore', id: built.id, sha256: hashOf(CONTENT), size_bytes: CONTENT.length };
    expect(await other.begin()).toEqual({ decision: 'allowed', detail, secrets: {}, cache });
    expect(await (await other.send('GET', `/run/setup/snapshots/${built.id}`)).text()).toBe(CONTENT);
    expect(await gateway.events('t2', 'setup')).toMatchObject([{ change: 'restored', detail }]);
    expect(await gateway.events('t1', 'setup')).toMatchObject([{ change: 'allowed' }]);
  });

  test('who no longer waits does its own; a builder that is done or silent makes room', async () => {
    const builder = await runOf('t1');
    const { id, lease } = toBuild(await builder.begin());
    const impatient = await runOf('t2');
    const now = { ...WISH, cache: { ...WISH.cache, may_wait: false } };
    expect(cacheOf(await impatient.begin(now))).toEqual({ use: 'nothing' });
    const next = await runOf('t3');
    expect(await next.begin()).toMatchObject({ decision: 'wait' });
    expect((await builder.send('POST', '/run/setup/lease', { id, lease, done: false })).status).toBe(204);
    expect(await next.begin()).toMatchObject({ decision: 'wait' });
    expect((await builder.send('POST', '/run/setup/lease', { id, lease, done: true })).status).toBe(204);
    expect(toBuild(await next.begin()).id).toBe(id);
  });

  test('nothing goes from one owner to another, nor between commits that are on no named branch', async () => {
    const id = await kept();
    expect(cacheOf(await (await runOf('t1')).begin())).toMatchObject({ use: 'restore' });
    const bob = await runOf('t2', 'bob');
    expect(toBuild(await bob.begin()).id).not.toBe(id);
    expect((await bob.send('GET', `/run/setup/snapshots/${id}`)).status).toBe(404);
    expect(await bob.keep(id, 'poison')).toBe(404);
    const feature = await runOf('t3', 'alice', 'feature');
    const ofFeature = toBuild(await feature.begin());
    expect(await feature.keep(ofFeature.id)).toBe(204);
    expect(cacheOf(await (await runOf('t4', 'alice', 'feature')).begin())).toMatchObject({ use: 'build' });
    expect(cacheOf(await feature.begin())).toMatchObject({ use: 'restore' });
  });

  test('only set-up keeps anything: not before it, and never once the agent may have run', async () => {
    const builder = await runOf('t1');
    const id = await kept();
    expect(await builder.keep(id, 'too early')).toBe(403);
    await builder.begin();
    await builder.send('POST', '/run/phase', { phase: 'agent' });
    expect(await builder.keep(id, 'by the agent')).toBe(403);
    expect((await builder.send('GET', `/run/setup/snapshots/${id}`)).status).toBe(403);
    expect((await builder.send('POST', '/run/setup/lease', { id, lease: 'x', done: true })).status).toBe(403);
    const reader = await runOf('t2');
    await reader.begin();
    expect(await (await reader.send('GET', `/run/setup/snapshots/${id}`)).text()).toBe(CONTENT);
  });

  test('what is not what it was announced as, or too large, is not kept', async () => {
    const builder = await runOf('t1');
    const { id } = toBuild(await builder.begin());
    expect(await builder.keep(id, CONTENT, hashOf('other'))).toBe(400);
    expect(await builder.keep(id, 'x'.repeat(1001))).toBe(413);
    expect(await builder.keep(id, CONTENT, 'odd')).toBe(400);
    expect(await builder.keep('f'.repeat(64))).toBe(404);
    expect(await gateway.stores.snapshots.find('alice', id)).toBeNull();
  });

  test('what is too old, or whose object is gone, is built anew', async () => {
    const id = await kept();
    const snapshot = await gateway.stores.snapshots.find('alice', id);
    await gateway.objects.deletePrefix(`setup_cache/${id}/`);
    expect(snapshot === null ? null : await gateway.objects.stat(setupSnapshotKey(snapshot))).toBeNull();
    expect(await kept('b2')).toBe(id);
    const later = await startGateway({}, { stores: gateway.stores, objects: gateway.objects, now: () => Date.now() + 3_600_001 });
    const old = await runOf('t9');
    const answer = await fetch(`${later.url}/run/setup`, {
      method: 'POST',
      headers: { authorization: `Bearer ${later.identityOf(old.id, Date.now() + 7_200_000)}` },
      body: JSON.stringify(WISH),
    });
    expect(cacheOf(setupDecisionSchema.parse(await answer.json()))).toMatchObject({ use: 'build', id });
    await later.close();
  });

  test('a cache that is off keeps and gives nothing', async () => {
    const id = await kept();
    const off = await startGateway({ setupCache: null }, { stores: gateway.stores, objects: gateway.objects });
    const run = await runOf('t1');
    const ask = (method: string, path: string, body?: string) =>
      fetch(`${off.url}${path}`, { method, headers: { authorization: run.authorization }, ...(body === undefined ? {} : { body }) });
    const answer = await ask('POST', '/run/setup', JSON.stringify(WISH));
    expect(cacheOf(setupDecisionSchema.parse(await answer.json()))).toEqual({ use: 'nothing' });
    expect((await ask('GET', `/run/setup/snapshots/${id}`)).status).toBe(404);
    expect((await ask('PUT', `/run/setup/snapshots/${id}?sha256=${hashOf('x')}`, 'x')).status).toBe(404);
    await off.close();
  });
});

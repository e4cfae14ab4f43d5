import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { codeKey, runBlobKey } from '../../../tasks/object-keys.ts';
import { runDescriptionSchema } from '../../../tasks/run-protocol.ts';
import { setupDecisionSchema } from '../../../tasks/setup-protocol.ts';
import { startGateway, type TestGateway } from '../../support/gateway.ts';

const blobOf = (text: string) => ({ sha256: createHash('sha256').update(text).digest('hex'), size_bytes: Buffer.byteLength(text) });
const done = { outcome: 'succeeded', reason: null, detail: '', exit_code: null, artifacts: [] };

describe('the run routes of the gateway', () => {
  let gateway: TestGateway;
  beforeEach(async () => {
    gateway = await startGateway({ artifactBytes: 1000, caps: { blobsPerRun: 3, eventsPerMinute: 20, messageWaitMs: 10_000 } });
    await gateway.task('t1', { verify: { command: 'npm test' } });
  });
  afterEach(() => gateway.close());

  test('take run identities and nothing else', async () => {
    const run = await gateway.run('t1');
    expect((await run.send('GET', '/run')).status).toBe(200);
    const expired = gateway.identityOf(run.id, Date.now() - 1);
    const key = await gateway.stores.apiKeys.create('tests');
    for (const authorization of [
      '',
      'Bearer',
      `Bearer ${key}`,
      `Bearer ${expired}`,
      `${run.authorization}x`,
      run.authorization.replace('t1', 't2'),
    ]) {
      for (const path of ['/run', '/run/code', '/llm/v1/models']) {
        const response = await fetch(`${gateway.url}${path}`, { headers: { authorization } });
        expect([response.status, await response.text()]).toEqual([401, expect.stringContaining('UNAUTHORIZED')]);
      }
    }
  });

  test('refuse runs that are unknown, superseded, closed or ended', async () => {
    const first = await gateway.run('t1', 'agent', 'agent', 1);
    const unknown = await fetch(`${gateway.url}/run`, { headers: { authorization: `Bearer ${gateway.identityOf('t1-a7')}` } });
    expect(unknown.status).toBe(409);
    const second = await gateway.run('t1', 'agent', 'agent', 2);
    const verify = await gateway.run('t1', 'agent', 'verify', 1);
    expect((await first.send('GET', '/run')).status).toBe(409);
    expect((await first.send('POST', '/run/checkpoints', { seq: 1, turn: 1, delta: null, transcript: null })).status).toBe(409);
    expect((await second.send('GET', '/run')).status).toBe(200);
    expect((await verify.send('GET', '/run')).status).toBe(200);
    await gateway.stores.runs.end(second.id);
    expect((await second.send('GET', '/run')).status).toBe(409);
    expect((await verify.send('POST', '/run/complete', done)).status).toBe(204);
    expect((await verify.send('GET', '/run')).status).toBe(409);
  });

  test('describe the run, with what to go on from and what to verify', async () => {
    const first = await gateway.run('t1', 'agent', 'agent', 1);
    const delta = blobOf('delta');
    await gateway.stores.runs.write(first.id, { checkpoint: { run_id: first.id, seq: 4, turn: 3, delta, transcript: null } });
    await gateway.stores.runs.end(first.id);
    const second = await gateway.run('t1', 'agent', 'agent', 2);
    const description = runDescriptionSchema.parse(await (await second.send('GET', '/run')).json());
    expect(description).toMatchObject({ kind: 'agent', model: 'small', resume: { run_id: first.id, seq: 4, turn: 3, delta }, patch: null });
    const patch = blobOf('patch');
    await second.send('PUT', `/run/blobs/${patch.sha256}`, 'patch');
    expect((await second.send('POST', '/run/complete', { ...done, artifacts: [{ name: 'diff.patch', ...patch }] })).status).toBe(204);
    const verify = await gateway.run('t1', 'setup', 'verify', 1);
    const verified = runDescriptionSchema.parse(await (await verify.send('GET', '/run')).json());
    expect(verified).toMatchObject({ kind: 'verify', verify_command: 'npm test', resume: null, patch });
    // What the agent changed can't be had while set-up has network and secrets.
    expect((await verify.send('GET', `/run/blobs/${patch.sha256}`)).status).toBe(404);
    await verify.send('POST', '/run/phase', { phase: 'agent' });
    expect(await (await verify.send('GET', `/run/blobs/${patch.sha256}`)).text()).toBe('patch');
  });

  test('give the staged code, or 404 before it is staged', async () => {
    const run = await gateway.run('t1', 'fetching');
    expect((await run.send('GET', '/run/code')).status).toBe(404);
    await gateway.objects.put(codeKey('t1'), Readable.from([Buffer.from('tar')]));
    const code = await run.send('GET', '/run/code');
    expect([code.headers.get('content-length'), await code.text()]).toEqual(['3', 'tar']);
  });

  test('store blobs under their own hash only, within the caps', async () => {
    const run = await gateway.run('t1');
    const put = async (text: string, sha256 = blobOf(text).sha256) => (await run.send('PUT', `/run/blobs/${sha256}`, text)).status;
    expect(await put('one')).toBe(204);
    expect(await put('one')).toBe(204);
    expect(await put('two', blobOf('other').sha256)).toBe(400);
    expect(await gateway.objects.stat(runBlobKey(run.id, blobOf('other').sha256))).toBeNull();
    expect(await put('x'.repeat(1001))).toBe(413);
    const chunked = await fetch(`${gateway.url}/run/blobs/${blobOf('y'.repeat(1001)).sha256}`, {
      method: 'PUT',
      headers: { authorization: run.authorization },
      body: ReadableStream.from([Buffer.from('y'.repeat(600)), Buffer.from('y'.repeat(401))]),
      duplex: 'half',
    } as RequestInit);
    expect(chunked.status).toBe(413);
    expect(await put('two')).toBe(204);
    expect(await put('three')).toBe(204);
    expect(await put('four')).toBe(413);
    expect(await put('bad', 'ABC')).toBe(400);
  });

  test('keep blobs of other tasks apart', async () => {
    await gateway.task('t2');
    const mine = await gateway.run('t1');
    const other = await gateway.run('t2');
    await mine.send('PUT', `/run/blobs/${blobOf('one').sha256}`, 'one');
    expect((await mine.send('GET', `/run/blobs/${blobOf('one').sha256}`)).status).toBe(200);
    expect((await other.send('GET', `/run/blobs/${blobOf('one').sha256}`)).status).toBe(404);
  });

  test('give set-up secrets during set-up only, and never go back', async () => {
    await gateway.task('t3', { source: { type: 'git', url: 'https://example.org/app' } });
    await gateway.stores.tasks.update('t3', 1, { branch: 'main' });
    const run = await gateway.run('t3', 'fetching');
    const begin = () => run.send('POST', '/run/setup', { script: { path: 'setup.sh', sha256: blobOf('script').sha256 } });
    for (const _again of [1, 2]) {
      const begun = await begin();
      expect([begun.headers.get('cache-control'), await begun.json()]).toEqual([
        'no-store',
        { decision: 'allowed', detail: 'runs setup.sh with NPM_TOKEN', secrets: { NPM_TOKEN: 'canary' }, cache: { use: 'nothing' } },
      ]);
    }
    expect((await gateway.stores.runs.list('t3'))[0]?.phase).toBe('setup');
    expect(await gateway.events('t3', 'setup')).toMatchObject([{ run_id: run.id, change: 'allowed', script: 'setup.sh' }]);
    expect((await run.send('POST', '/run/phase', { phase: 'setup' })).status).toBe(400);
    expect((await run.send('POST', '/run/phase', { phase: 'agent' })).status).toBe(204);
    expect((await run.send('POST', '/run/phase', { phase: 'agent' })).status).toBe(204);
    const late = await begin();
    expect([late.status, await late.text()]).toEqual([403, expect.not.stringContaining('canary')]);
  });

  test('keep the secrets back where neither branch nor script is trusted, and say so', async () => {
    await gateway.task('t4', { source: { type: 'git', url: 'https://example.org/app', ref: 'feature' } });
    await gateway.stores.tasks.update('t4', 1, { branch: 'feature' });
    const run = await gateway.run('t4', 'fetching');
    const script = { path: 'setup.sh', sha256: blobOf('script').sha256 };
    const answer = setupDecisionSchema.parse(await (await run.send('POST', '/run/setup', { script })).json());
    expect(answer).toMatchObject({ decision: 'allowed', detail: expect.stringContaining('runs setup.sh without NPM_TOKEN') });
    expect(answer).toHaveProperty('secrets', {});
    expect(answer.detail).toContain(script.sha256);
    expect(await gateway.events('t4', 'setup')).toMatchObject([{ change: 'allowed', detail: answer.detail }]);
  });

  test('refuse a set-up script that is not allowed, before it has network and secrets, and say so', async () => {
    const run = await gateway.run('t1', 'fetching');
    const script = { path: 'tools/setup.sh', sha256: blobOf('script').sha256 };
    const answer = await run.send('POST', '/run/setup', { script });
    const detail = expect.stringContaining(script.sha256);
    expect([answer.status, await answer.json()]).toEqual([200, { decision: 'refused', detail }]);
    expect((await gateway.stores.runs.list('t1'))[0]?.phase).toBe('fetching');
    expect(await gateway.events('t1', 'setup')).toEqual([
      { run_id: run.id, change: 'refused', script: script.path, sha256: script.sha256, detail },
    ]);
    expect(gateway.logged.join('\n')).toContain('set-up is refused');
    for (const wrong of [{}, { script: { ...script, sha256: 'ABC' } }, { script, more: 1 }])
      expect((await run.send('POST', '/run/setup', wrong)).status).toBe(400);
  });

  test("append events once, of the kinds that are a run's to tell, at a bounded rate", async () => {
    const run = await gateway.run('t1');
    const log = (source_seq: number) => ({
      source_seq,
      at: 1,
      event: { type: 'log', data: { stream: 'agent', text: `line ${source_seq}` } },
    });
    expect((await run.send('POST', '/run/events', { events: [log(1), log(2)] })).status).toBe(204);
    expect((await run.send('POST', '/run/events', { events: [log(2), log(3)] })).status).toBe(204);
    expect(await gateway.events('t1', 'log')).toHaveLength(3);
    const status = { status: 'COMPLETED', phase: null, waiting_for: null, failure: null };
    const forged = { source_seq: 4, at: 1, event: { type: 'status', data: status } };
    expect((await run.send('POST', '/run/events', { events: [forged] })).status).toBe(400);
    expect((await run.send('POST', '/run/events', 'not json')).status).toBe(400);
    expect((await run.send('POST', '/run/events', 'x'.repeat(5 * 1024 * 1024))).status).toBe(413);
    const limited = await run.send('POST', '/run/events', { events: Array.from({ length: 17 }, (_, index) => log(10 + index)) });
    expect(limited.status).toBe(429);
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  test('move the checkpoint forward only', async () => {
    const run = await gateway.run('t1');
    const report = (seq: number) => run.send('POST', '/run/checkpoints', { seq, turn: seq, delta: null, transcript: null });
    expect((await report(2)).status).toBe(204);
    expect((await report(2)).status).toBe(204);
    expect((await report(1)).status).toBe(204);
    expect((await gateway.stores.runs.list('t1'))[0]?.checkpoint?.seq).toBe(2);
  });

  test('deliver messages as they come, and tell so once', async () => {
    const run = await gateway.run('t1');
    expect(await (await run.send('GET', '/run/messages?after=0&wait=0')).json()).toEqual({ messages: [] });
    const waiting = run.send('GET', '/run/messages?after=0');
    await gateway.stores.mailbox.post('t1', 'm1', 'use tabs');
    expect(await (await waiting).json()).toEqual({ messages: [{ seq: 1, id: 'm1', text: 'use tabs' }] });
    await run.send('GET', '/run/messages?after=0&wait=0');
    expect(await gateway.events('t1', 'message')).toEqual([{ message_id: 'm1', text: 'use tabs', change: 'delivered' }]);
    expect(await (await run.send('GET', '/run/messages?after=1&wait=0')).json()).toEqual({ messages: [] });
    expect((await run.send('GET', '/run/messages?after=-1')).status).toBe(400);
  });

  test('take one completion, whose artifacts are there', async () => {
    const run = await gateway.run('t1');
    const patch = { name: 'diff.patch', ...blobOf('patch') };
    const report = (change: object) => run.send('POST', '/run/complete', { ...done, ...change });
    expect((await report({ artifacts: [patch] })).status).toBe(400);
    await run.send('PUT', `/run/blobs/${patch.sha256}`, 'patch');
    expect((await report({ artifacts: [{ ...patch, size_bytes: 4 }] })).status).toBe(400);
    expect((await report({ artifacts: [{ ...patch, name: 'result.json' }] })).status).toBe(400);
    expect((await report({ artifacts: [{ ...patch, name: '../x' }] })).status).toBe(400);
    expect((await report({ artifacts: [patch, patch] })).status).toBe(400);
    expect((await report({ artifacts: [patch] })).status).toBe(204);
    expect((await report({ artifacts: [patch] })).status).toBe(204);
    expect((await report({ artifacts: [patch], detail: 'other' })).status).toBe(409);
    expect((await gateway.stores.runs.list('t1'))[0]).toMatchObject({ phase: 'closed', completion: { outcome: 'succeeded' } });
  });

  test('answer unknown paths with a problem, and end long polls when draining', async () => {
    const run = await gateway.run('t1');
    const missing = await run.send('GET', '/run/other');
    expect([missing.status, missing.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    const waiting = run.send('GET', '/run/messages?after=0').then((response) => response.json());
    await run.send('GET', '/run');
    await gateway.drain(1000);
    await expect(waiting).resolves.toEqual({ messages: [] });
  });
});

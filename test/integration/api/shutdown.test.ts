import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createClient } from '../../../sdk/index.ts';
import { signRunIdentity } from '../../../tasks/run-identity.ts';
import { GIT_TASK, ZIP_TASK } from '../../support/api.ts';
import { createDataFolder, startApi } from '../../support/api-process.ts';
import { startScriptedModel } from '../../support/scripted-model.ts';
import { until } from '../../support/until.ts';

let data: Awaited<ReturnType<typeof createDataFolder>>;
beforeEach(async () => {
  data = await createDataFolder();
});
afterEach(() => data.remove());

const filesOf = async (folder: string): Promise<string[]> => {
  const all = await readdir(join(data.folder, 'objects', folder), { recursive: true, withFileTypes: true }).catch(() => []);
  return all.filter((entry) => entry.isFile()).map(({ name }) => name);
};

const refuses = (url: string): Promise<boolean> =>
  fetch(url).then(
    (response) => response.arrayBuffer().then(() => false),
    () => true,
  );

/** A zip of two pieces, the second of which waits. */
const heldZip = (release: Promise<void>): Readable =>
  Readable.from(
    (async function* () {
      yield Buffer.alloc(100_000);
      await release;
      yield Buffer.alloc(100_000);
    })(),
    { objectMode: false },
  );

test('SIGTERM: not ready at once, still taking requests for the notice, streams end, an upload under way is accepted, exit 0', async () => {
  const api = await startApi(data.folder, { CODEBAY_DRAIN_NOTICE_SECONDS: '5', CODEBAY_DRAIN_SECONDS: '60' });
  try {
    const client = createClient({ url: api.url, apiKey: data.apiKey });
    const { id } = await client.submit(GIT_TASK);
    await data.stores.events.append(id, 'run', [{ type: 'checkpoint', data: { seq: 1, turn: 0 }, source_seq: 1, at: 0 }]);
    const stream = await fetch(`${api.url}/v1/tasks/${id}/events`, {
      headers: { authorization: `Bearer ${data.apiKey}`, accept: 'text/event-stream' },
    });
    const rest = Promise.withResolvers<void>();
    const uploading = client.submit({ ...ZIP_TASK }, { code: heldZip(rest.promise) });
    await until('the upload is under way', async () => (await filesOf('.incoming')).length === 1);

    api.signal('SIGTERM');
    const ready = await until('it is not ready', async () => {
      const response = await fetch(`${api.url}/readyz`);
      return response.status === 503 && response;
    });
    expect(await ready.json()).toMatchObject({ status: 'unavailable', failing: ['drain'] });
    expect((await client.get(id)).id).toBe(id);
    expect(await stream.text()).toContain('id: 1');
    await until('nobody is taken any more', () => refuses(api.url));
    rest.resolve();
    expect((await data.stores.tasks.get((await uploading).id))?.status).toBe('QUEUED');
    expect(await api.exited).toBe(0);
  } finally {
    await api.stop();
  }
});

test('an upload that outlasts the grace period fails, and leaves nothing', async () => {
  const api = await startApi(data.folder, { CODEBAY_DRAIN_SECONDS: '1' });
  const rest = Promise.withResolvers<void>();
  try {
    const client = createClient({ url: api.url, apiKey: data.apiKey });
    const refused = client.submit({ ...ZIP_TASK }, { code: heldZip(rest.promise), idempotencyKey: 'k' }).then(
      () => 'accepted',
      () => 'failed',
    );
    await until('the upload is under way', async () => (await filesOf('.incoming')).length === 1);
    api.signal('SIGTERM');
    expect(await refused).toBe('failed');
    expect(await api.exited).toBe(0);
    expect([...(await filesOf('.incoming')), ...(await filesOf('tmp_zips'))]).toEqual([]);
    expect((await data.stores.tasks.list({ owner: 'ada', limit: 10 })).tasks).toEqual([]);
  } finally {
    rest.resolve();
    await api.stop();
  }
});

test('a model turn under way is answered to its end', async () => {
  const held = Promise.withResolvers<void>();
  const model = await startScriptedModel(async () => {
    await held.promise;
    return { text: 'Done.' };
  });
  const env = { OPENAI_BASE_URL: model.url, CODEBAY_MODELS: 'scripted', CODEBAY_DRAIN_SECONDS: '60' };
  const api = await startApi(data.folder, env);
  try {
    const runId = 't1-a1';
    await data.stores.tasks.insert({ id: 't1', owner: 'ada', spec: { ...GIT_TASK, mode: 'modify' } });
    await data.stores.runs.open({ id: runId, taskId: 't1', kind: 'agent', epoch: 1 });
    await data.stores.runs.write(runId, { phase: 'agent' });
    const authorization = `Bearer ${signRunIdentity('7'.repeat(64), { runId, expiresAt: Date.now() + 3600_000 })}`;
    const asking = fetch(`http://127.0.0.1:${api.gateway_port}/llm/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json', 'x-codebay-turn': '1' },
      body: JSON.stringify({ model: 'scripted', stream: true, messages: [{ role: 'user', content: 'hello' }] }),
    });
    await until('the model is asked', () => model.requests.length === 1);
    api.signal('SIGTERM');
    await until('nobody is taken any more', () => refuses(`http://127.0.0.1:${api.gateway_port}`));
    held.resolve();
    const answer = await asking;
    expect(await answer.text()).toContain('Done.');
    expect(await api.exited).toBe(0);
    expect(await data.stores.ledger.usage('t1')).toMatchObject({ turns: 1 });
  } finally {
    await api.stop();
    await model.close();
  }
});

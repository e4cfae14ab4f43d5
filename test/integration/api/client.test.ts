import { Readable } from 'node:stream';
import { CodebayError, createClient } from '../../../sdk/index.ts';
import { artifactKey } from '../../../tasks/object-keys.ts';
import { createTestApi, GIT_TASK, type TestApi, ZIP_TASK } from '../../support/api.ts';

let api: TestApi;
beforeEach(async () => {
  api = await createTestApi();
});
afterEach(() => api.close());

const client = (apiKey = api.key) =>
  createClient({ url: 'http://localhost', apiKey, fetch: async (input, init) => api.app.request(String(input), init) });

describe('the client', () => {
  it('walks a task from its submission to its erasure', async () => {
    const codebay = client();
    const { id } = await codebay.submit(GIT_TASK, { idempotencyKey: 'k' });
    expect((await codebay.submit(GIT_TASK, { idempotencyKey: 'k' })).id).toBe(id);
    expect((await codebay.list({ status: 'QUEUED', limit: 5 })).data.map((task) => task.id)).toEqual([id]);
    await codebay.message(id, 'Use tabs.', 'm1');
    expect((await api.stores.mailbox.read(id, 0)).map(({ text }) => text)).toEqual(['Use tabs.']);
    expect((await codebay.cancel(id)).cancel_requested).toBe(true);
    await api.stores.events.append(id, 'run', [{ type: 'log', data: { stream: 'agent', text: 'a\nb\n' }, source_seq: 1, at: 0 }]);
    expect(await codebay.logs(id, { tail: 1 })).toBe('b\n');

    const patch = Buffer.from(
      'diff --git a/x b/x\nnew file mode 100644\nindex 0..1\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+\xff\r\n',
      'latin1',
    );
    await api.objects.put(artifactKey(id, 'diff.patch'), Readable.from([patch]));
    const artifacts = [{ name: 'diff.patch' as const, size_bytes: patch.length, sha256: '0'.repeat(64) }];
    await api.stores.tasks.update(id, 1, { status: 'CANCELLED', artifacts });
    expect((await codebay.artifacts(id)).map(({ name }) => name)).toEqual(['diff.patch']);
    expect(Buffer.from(await codebay.diff(id))).toEqual(patch);
    expect((await codebay.diffSummary(id)).stats).toEqual({ files: 1, additions: 1, deletions: 0 });
    expect(Buffer.from(await (await codebay.artifact(id, 'diff.patch')).arrayBuffer())).toEqual(patch);
    await codebay.erase(id);
    await expect(codebay.get(id)).rejects.toMatchObject({ problem: { code: 'NOT_FOUND', status: 404 } });
  });

  it('streams a zip', async () => {
    const { id, repo } = await client().submit({ ...ZIP_TASK }, { code: Readable.from([Buffer.from('PK'), Buffer.from('-zip')]) });
    const stored = await api.objects.get(`tmp_zips/${id}/code.zip`);
    expect([repo, Buffer.concat((await stored?.body.toArray()) ?? []).toString()]).toEqual(['zip', 'PK-zip']);
  });

  it('fails with the problem of the API, without the key', async () => {
    const error = await client('cbk_wrong')
      .list()
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CodebayError);
    expect(error).toMatchObject({ problem: { code: 'UNAUTHENTICATED', status: 401 } });
    expect(JSON.stringify(error)).not.toContain('cbk_wrong');
  });

  it('says so where nothing answers, and where something else does', async () => {
    const nobody = createClient({ url: 'http://127.0.0.1:1', apiKey: 'k', fetch: () => Promise.reject(new TypeError('fetch failed')) });
    await expect(nobody.list()).rejects.toMatchObject({ problem: { code: 'UNREACHABLE', retryable: true } });
    const broken = new ReadableStream({ start: (body) => body.error(new TypeError('terminated')) });
    const cut = createClient({ url: 'http://localhost', apiKey: 'k', fetch: async () => new Response(broken) });
    await expect(cut.list()).rejects.toMatchObject({ problem: { code: 'UNREACHABLE', retryable: true } });
    const other = createClient({ url: 'http://127.0.0.1:1', apiKey: 'k', fetch: async () => new Response('<html>', { status: 502 }) });
    await expect(other.list()).rejects.toMatchObject({ problem: { code: 'UNEXPECTED_ANSWER', status: 502 } });
  });
});

import { Readable } from 'node:stream';
import { artifactKey } from '../../../tasks/object-keys.ts';
import { createTestApi, submitted, type TestApi, zipForm } from '../../support/api.ts';
import { fetchLink, openCos, type TestCos } from '../../support/cos.ts';

const PATCH = Buffer.from('diff --git a/ä b/ä\r\n');

let cos: TestCos;
let api: TestApi;
beforeEach(async () => {
  cos = await openCos();
  api = await createTestApi({ override: () => ({ objects: cos.store, links: null }) });
});
afterEach(async () => {
  await api.close();
  await cos.close();
});

const finished = async (): Promise<string> => {
  const id = await submitted(api);
  const { sizeBytes, sha256 } = await cos.store.put(artifactKey(id, 'diff.patch'), Readable.from([PATCH]));
  const artifacts = [{ name: 'diff.patch', size_bytes: sizeBytes, sha256 }] as const;
  await api.stores.tasks.update(id, 2, { status: 'COMPLETED', phase: null, artifacts: [...artifacts] });
  return id;
};

test('an artifact is a link to COS that needs no key, or the bytes themselves', async () => {
  const id = await finished();
  const path = `/v1/tasks/${id}/artifacts/diff.patch`;
  const redirect = await api.request(path);
  expect(redirect.status).toBe(302);
  const answer = await fetchLink(cos.server.endpoint, redirect.headers.get('location') ?? '');
  expect([answer.status, answer.body.equals(PATCH)]).toEqual([200, true]);
  expect(answer.headers['content-disposition']).toContain(`filename="${id}-diff.patch"`);
  expect(answer.headers['content-type']).toContain('text/x-diff');

  const proxied = await api.request(`${path}?proxy=1`);
  expect([proxied.status, Buffer.from(await proxied.arrayBuffer()).equals(PATCH)]).toEqual([200, true]);
});

test('an upload goes to COS, and an erased task leaves nothing there', async () => {
  const response = await api.request('/v1/tasks', zipForm('PK-zip'));
  expect(response.status).toBe(202);
  const { id: zipped } = (await response.json()) as { id: string };
  expect(cos.server.residue()).toEqual([expect.stringContaining(`/tmp_zips/${zipped}/code.zip`)]);
  const id = await finished();
  expect((await api.request(`/v1/tasks/${id}`, { method: 'DELETE' })).status).toBe(204);
  expect(cos.server.residue()).toHaveLength(1);
});

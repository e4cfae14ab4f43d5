import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createTestApi, formRequest, GIT_TASK, jsonRequest, type TestApi, ZIP_TASK, zipForm } from '../../support/api.ts';

let api: TestApi;
beforeEach(async () => {
  api = await createTestApi({ limits: { zipBytes: 1000 } });
});
afterEach(() => api.close());

const problemOf = async (response: Response) => {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  return (await response.json()) as {
    code: string;
    detail: string;
    remedy: string;
    retryable: boolean;
    request_id: string;
    status: number;
  };
};
const storedFiles = async (): Promise<string[]> => {
  const all = await readdir(join(api.data, 'objects'), { recursive: true, withFileTypes: true }).catch(() => []);
  return all.filter((entry) => entry.isFile()).map((entry) => entry.name);
};
const taskCount = async () => (await api.stores.tasks.list({ owner: null, limit: 100 })).tasks.length;

describe('POST /v1/tasks', () => {
  it('accepts a Git task, starts it and shows it', async () => {
    const response = await api.request('/v1/tasks', jsonRequest({ ...GIT_TASK, labels: { team: 'a' } }));
    expect(response.status).toBe(202);
    const task = (await response.json()) as { id: string };
    expect(task).toMatchObject({
      status: 'QUEUED',
      repo: 'example.com/team/app',
      title: 'Fix the test.',
      mode: 'modify',
      labels: { team: 'a' },
    });
    expect(response.headers.get('location')).toBe(`/v1/tasks/${task.id}`);
    expect(api.calls).toEqual([`start ${task.id}`]);
    expect(await (await api.request(`/v1/tasks/${task.id}`)).json()).toEqual(task);
  });

  it('accepts while the engine is away, and leaves the start to the row', async () => {
    api.state.up = false;
    const response = await api.request('/v1/tasks', jsonRequest(GIT_TASK));
    expect(response.status).toBe(202);
    const { id } = (await response.json()) as { id: string };
    expect((await api.stores.tasks.get(id))?.start_acknowledged).toBe(false);
  });

  it('accepts a zip and stores it under the task', async () => {
    const response = await api.request('/v1/tasks', zipForm('PK-some-zip'));
    expect(response.status).toBe(202);
    const { id } = (await response.json()) as { id: string };
    const stored = await api.objects.get(`tmp_zips/${id}/code.zip`);
    expect(stored?.sizeBytes).toBe(11);
    stored?.body.destroy();
  });

  const json = (patch: object) => jsonRequest({ ...GIT_TASK, ...patch });
  const url = (value: string) => json({ source: { type: 'git', url: value } });
  const part = { name: 'task', value: JSON.stringify(ZIP_TASK) };
  const code = { name: 'code', value: 'PK', filename: 'code.zip' };
  it.each<[string, RequestInit, number, string, string]>([
    ['no JSON', jsonRequest('{"prompt"'), 400, 'INVALID_REQUEST', 'JSON'],
    ['JSON that is no object', jsonRequest('7'), 422, 'INVALID_TASK', 'body'],
    ['broken UTF-8', { ...jsonRequest(''), body: Buffer.from([0x22, 0xff, 0x22]) }, 400, 'INVALID_REQUEST', 'UTF-8'],
    ['no media type', { method: 'POST', body: Buffer.from('{}') }, 415, 'UNSUPPORTED_MEDIA_TYPE', 'absent'],
    ['another media type', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' }, 415, 'UNSUPPORTED_MEDIA_TYPE', ''],
    ['an unknown field', json({ prio: 1 }), 422, 'INVALID_TASK', 'prio'],
    ['a blank prompt', json({ prompt: ' \n' }), 422, 'INVALID_TASK', 'prompt'],
    ['a prompt over 64 KiB', json({ prompt: 'ü'.repeat(32_769) }), 422, 'INVALID_TASK', 'prompt'],
    ['a body over its cap', json({ prompt: 'x'.repeat(1_100_000) }), 413, 'BODY_TOO_LARGE', 'bytes'],
    ['a limit of the wrong kind', json({ limits: { steps: 'many' } }), 422, 'INVALID_TASK', 'limits.steps'],
    ['pull requests', json({ mode: 'pull_request' }), 422, 'UNSUPPORTED', 'mode'],
    ['an unknown model', json({ model: 'huge' }), 422, 'MODEL_UNKNOWN', 'small, large'],
    ['a cost limit without a price', json({ model: 'large', limits: { cost_usd: 1 } }), 422, 'PRICE_UNKNOWN', 'large'],
    ['credentials in the URL', url('https://a:hunter2@example.com/a/b'), 422, 'SOURCE_REFUSED', 'credentials'],
    ['a file URL', url('file:///etc'), 422, 'SOURCE_REFUSED', 'file:'],
    ['an ext URL', url('ext::sh'), 422, 'SOURCE_REFUSED', 'helper'],
    ['an option as URL', url('--upload-pack=x'), 422, 'SOURCE_REFUSED', 'dash'],
    ['a private host', url('https://10.0.0.1/a'), 422, 'SOURCE_REFUSED', 'private'],
    ['an option as ref', json({ source: { ...GIT_TASK.source, ref: '-x' } }), 422, 'INVALID_TASK', 'source.ref'],
    ['a subfolder outside', json({ source: { ...GIT_TASK.source, subfolder: '../x' } }), 422, 'INVALID_TASK', 'source.subfolder'],
    ['a zip source as JSON', jsonRequest(ZIP_TASK), 422, 'INVALID_TASK', 'multipart'],
    ['an odd Idempotency-Key', jsonRequest(GIT_TASK, { 'idempotency-key': 'a b' }), 400, 'INVALID_REQUEST', 'Idempotency-Key'],
    ['a long Idempotency-Key', jsonRequest(GIT_TASK, { 'idempotency-key': 'x'.repeat(256) }), 400, 'INVALID_REQUEST', 'Idempotency-Key'],
    [
      'a form without a boundary',
      { method: 'POST', headers: { 'content-type': 'multipart/form-data' }, body: 'x' },
      400,
      'INVALID_REQUEST',
      'boundary',
    ],
    ['a form without parts', formRequest([]), 400, 'INVALID_REQUEST', 'task'],
    ['code before the task', formRequest([code, part]), 400, 'INVALID_REQUEST', 'first'],
    ['a form without code', formRequest([part]), 422, 'INVALID_TASK', 'code'],
    ['code for a Git source', zipForm('PK', {}, GIT_TASK), 422, 'INVALID_TASK', 'Git'],
    ['a second file', formRequest([part, code, code]), 400, 'INVALID_REQUEST', 'parts'],
    ['a field after the code', formRequest([part, code, { name: 'more', value: 'x' }]), 400, 'INVALID_REQUEST', 'parts'],
    ['an unexpected field', formRequest([{ name: 'tsk', value: '{}' }, code]), 400, 'INVALID_REQUEST', 'unexpected'],
    ['a task part over its cap', zipForm('PK', {}, { prompt: 'x'.repeat(1_050_000) }), 413, 'BODY_TOO_LARGE', 'task'],
    ['a zip over its limit', zipForm('x'.repeat(1001)), 413, 'ZIP_TOO_LARGE', '1000'],
    ['a zip over its limit by its own word', zipForm('PK', { 'content-length': '9999999' }), 413, 'ZIP_TOO_LARGE', '1000'],
    [
      'a form that is cut off',
      { ...zipForm(''), body: Buffer.from(String((zipForm('PK') as { body: Buffer }).body).slice(0, -20)) },
      400,
      'INVALID_REQUEST',
      'broken',
    ],
  ])('refuses %s and leaves nothing behind', async (_, init, status, errorCode, said) => {
    const problem = await problemOf(await api.request('/v1/tasks', init));
    expect({ status: problem.status, code: problem.code }).toEqual({ status, code: errorCode });
    expect(problem.detail).toContain(said);
    expect(problem.remedy).not.toBe('');
    expect(JSON.stringify([problem, api.logged])).not.toContain('hunter2');
    expect(await storedFiles()).toEqual([]);
    expect(await taskCount()).toBe(0);
    expect(api.logged.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('refuses a chunked zip over its limit while it streams', async () => {
    const whole = zipForm('x'.repeat(200_000));
    const body = new Blob([whole.body as Buffer<ArrayBuffer>]).stream();
    const response = await api.request('/v1/tasks', { ...whole, body, duplex: 'half' } as RequestInit);
    expect((await problemOf(response)).code).toBe('ZIP_TOO_LARGE');
    expect(await storedFiles()).toEqual([]);
  });
});

describe('Idempotency-Key', () => {
  const withKey = (key: string) => ({ 'idempotency-key': key });
  const post = (init: RequestInit) => api.request('/v1/tasks', init);
  const idOf = async (response: Response) => ((await response.json()) as { id: string }).id;

  it.each<[string, (prompt: string) => RequestInit]>([
    ['JSON', (prompt) => jsonRequest({ ...GIT_TASK, prompt }, withKey('k'))],
    ['a zip', (content) => zipForm(content, withKey('k'))],
  ])('of %s: the same body is replayed, another is refused', async (_, request) => {
    const first = await post(request('one'));
    expect([first.status, first.headers.get('idempotent-replay')]).toEqual([202, null]);
    const id = await idOf(first);
    const again = await post(request('one'));
    expect([again.status, again.headers.get('idempotent-replay'), await idOf(again)]).toEqual([202, 'true', id]);
    const other = await problemOf(await post(request('two')));
    expect([other.status, other.code]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
    expect(await taskCount()).toBe(1);
  });

  it('belongs to its owner', async () => {
    const first = await idOf(await post(jsonRequest(GIT_TASK, withKey('k'))));
    const eve = await api.stores.apiKeys.create('eve');
    const other = await post(jsonRequest(GIT_TASK, { ...withKey('k'), authorization: `Bearer ${eve}` }));
    expect(other.headers.get('idempotent-replay')).toBeNull();
    expect(await idOf(other)).not.toBe(first);
  });

  it('is free again after a refusal', async () => {
    expect((await post(zipForm('x'.repeat(1001), withKey('k')))).status).toBe(413);
    const mended = await post(zipForm('PK', withKey('k')));
    expect([mended.status, mended.headers.get('idempotent-replay')]).toEqual([202, null]);
  });

  it('answers 409 with Retry-After while the first request is at work', async () => {
    await api.stores.idempotency.reserve('ada', 'k', 'earlier', 20_000);
    const response = await post(jsonRequest(GIT_TASK, withKey('k')));
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await problemOf(response)).toMatchObject({ status: 409, code: 'IDEMPOTENCY_IN_PROGRESS', retryable: true });
  });

  const crashed = async () => {
    // What a process leaves that died after it had reserved: a lease that lapses.
    await api.stores.idempotency.reserve('ada', 'k', 'earlier', -1);
  };

  it('is taken over from a request that died before its row, under the same id', async () => {
    await crashed();
    const response = await post(jsonRequest(GIT_TASK, withKey('k')));
    expect([response.status, await idOf(response)]).toEqual([202, 'earlier']);
    expect((await post(jsonRequest(GIT_TASK, withKey('k')))).headers.get('idempotent-replay')).toBe('true');
  });

  it('is taken over from a request that died after its row: same body', async () => {
    await crashed();
    await api.deps.starter.submit({ id: 'earlier', owner: 'ada', spec: { ...GIT_TASK, mode: 'modify' } });
    const response = await post(jsonRequest(GIT_TASK, withKey('k')));
    expect([response.status, await idOf(response)]).toEqual([202, 'earlier']);
    expect(await taskCount()).toBe(1);
  });

  it('is not taken over by another body once there is a row', async () => {
    await crashed();
    await api.deps.starter.submit({ id: 'earlier', owner: 'ada', spec: { ...GIT_TASK, prompt: 'Another.', mode: 'modify' } });
    expect((await problemOf(await post(jsonRequest(GIT_TASK, withKey('k'))))).code).toBe('IDEMPOTENCY_MISMATCH');
  });

  it('never replaces the zip of a row that stands', async () => {
    const first = await idOf(await post(zipForm('PK-one')));
    await api.stores.idempotency.reserve('ada', 'k', first, -1);
    expect((await problemOf(await post(zipForm('PK-two', withKey('k'))))).code).toBe('IDEMPOTENCY_MISMATCH');
    const stored = await api.objects.get(`tmp_zips/${first}/code.zip`);
    expect((await stored?.body.toArray())?.join('')).toBe('PK-one');
  });

  it('gives two requests at once one task', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => post(jsonRequest(GIT_TASK, withKey('k')))));
    expect(answers.every(({ status }) => status === 202 || status === 409)).toBe(true);
    expect(answers.some(({ status }) => status === 202)).toBe(true);
    expect(await taskCount()).toBe(1);
  });
});

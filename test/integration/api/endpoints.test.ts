import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Artifact, ArtifactName } from '../../../tasks/artifacts.ts';
import { artifactKey, runPrefix } from '../../../tasks/object-keys.ts';
import { ObjectStoreUnavailableError } from '../../../tasks/ports/object-store.ts';
import { StoreUnavailableError } from '../../../tasks/ports/store-unavailable-error.ts';
import { taskViewSchema } from '../../../tasks/task-view.ts';
import { createTestApi, jsonRequest, submitted, type TestApi } from '../../support/api.ts';

const PATCH = 'diff --git a/a b/a\nindex 1..2 100644\n--- a/a\n+++ b/a\n@@ -1 +1,2 @@\n a\n+b\r\n';

let api: TestApi;
beforeEach(async () => {
  api = await createTestApi();
});
afterEach(() => api.close());

const problemOf = async (response: Response) => {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  return (await response.json()) as Record<string, unknown>;
};
const codeOf = async (response: Response) => [response.status, (await problemOf(response)).code];

const put = async (id: string, name: ArtifactName, text: string): Promise<Artifact> => {
  const body = Buffer.from(text);
  await api.objects.put(artifactKey(id, name), Readable.from([body]));
  return { name, size_bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') };
};
const finished = async (status: 'COMPLETED' | 'FAILED' | 'CANCELLED' = 'COMPLETED'): Promise<string> => {
  const id = await submitted(api);
  const artifacts = [await put(id, 'diff.patch', PATCH), await put(id, 'explanation.md', '<script>alert(1)</script>')];
  await api.stores.tasks.update(id, 2, { status, phase: null, artifacts });
  return id;
};

describe('who may see what', () => {
  const paths = ['', '/events', '/logs', '/artifacts', '/artifacts/diff.patch', '/diff'];
  const requests = (id: string): [string, RequestInit][] => [
    ...paths.map((path): [string, RequestInit] => [`/v1/tasks/${id}${path}`, {}]),
    [`/v1/tasks/${id}/cancel`, { method: 'POST' }],
    [`/v1/tasks/${id}/messages`, jsonRequest({ text: 'x' })],
    [`/v1/tasks/${id}`, { method: 'DELETE' }],
  ];

  it('answers 401 without a key, with a wrong one, and with one in another scheme', async () => {
    for (const authorization of ['', 'Bearer', 'Bearer cbk_wrong', `Basic ${api.key}`, `Bearer ${api.key}x`]) {
      const response = await api.request('/v1/tasks', { headers: { authorization } });
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
      expect(await codeOf(response)).toEqual([401, 'UNAUTHENTICATED']);
    }
  });

  it('hides the tasks of others and what does not exist alike', async () => {
    const id = await finished();
    const eve = await api.stores.apiKeys.create('eve');
    for (const [path, init] of [...requests(id), ...requests('no-such-task'), ...requests('..%2f..%2fetc'), ...requests('A%00')]) {
      const response = await api.request(path, { ...init, headers: { ...init.headers, authorization: `Bearer ${eve}` } });
      expect([path, ...(await codeOf(response))]).toEqual([path, 404, 'NOT_FOUND']);
    }
    const list = await api.request('/v1/tasks', { headers: { authorization: `Bearer ${eve}` } });
    expect(await list.json()).toEqual({ data: [], next_cursor: null });
    expect((await api.request(`/v1/tasks/${id}`)).status).toBe(200);
  });

  it('never logs a key', async () => {
    await api.request('/v1/tasks');
    expect(JSON.stringify(api.logged)).not.toContain(api.key);
    expect(api.logged).toContainEqual({
      level: 'info',
      fields: expect.objectContaining({ method: 'GET', path: '/v1/tasks', status: 200, owner: 'ada' }),
    });
  });
});

describe('GET /v1/tasks', () => {
  it('pages through all tasks, newest first, and filters', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.unshift(await submitted(api, n === 2 ? { status: 'PROCESSING', phase: 'RESOLVING' } : null));
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const page = (await (await api.request(`/v1/tasks?limit=2${cursor}`)).json()) as {
        data: { id: string }[];
        next_cursor: string | null;
      };
      seen.push(...page.data.map(({ id }) => id));
      if (page.next_cursor === null) break;
      cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
    }
    expect(seen).toEqual(ids);
    const busy = (await (await api.request('/v1/tasks?status=PROCESSING&repo=example.com/team/app')).json()) as { data: { id: string }[] };
    expect(busy.data.map(({ id }) => id)).toEqual([ids[2]]);
    expect(await (await api.request('/v1/tasks?repo=zip')).json()).toEqual({ data: [], next_cursor: null });
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'status=DONE', 'cursor=nonsense'])('refuses ?%s and names the field', async (query) => {
    const problem = await problemOf(await api.request(`/v1/tasks?${query}`));
    expect(problem).toMatchObject({ status: 400, code: 'INVALID_REQUEST', detail: expect.stringContaining(query.split('=')[0] ?? '') });
  });
});

describe('GET /v1/tasks/{id}', () => {
  it('tells all that is known, in the shape that clients parse', async () => {
    const id = await submitted(api, { status: 'PROCESSING', phase: 'RUNNING_AGENT', waiting_for: 'slot', commit: 'c'.repeat(40) });
    const runId = `${id}-a1`;
    await api.stores.runs.open({ id: runId, taskId: id, kind: 'agent', epoch: 1 });
    const entry = {
      run_id: runId,
      host: 'registry.test',
      port: 443,
      address: null,
      decision: 'refused',
      reason: 'private',
      bytes_up: 0,
      bytes_down: 0,
    } as const;
    await api.stores.egress.record(id, { ...entry, at: 0 });
    await api.stores.tasks.update(id, 2, { status: 'FAILED', failure: { reason: 'OUT_OF_MEMORY', detail: 'used 4 GiB' } });
    const task = taskViewSchema.parse(await (await api.request(`/v1/tasks/${id}`)).json());
    expect(task).toMatchObject({
      status: 'FAILED',
      commit: 'c'.repeat(40),
      failure: { reason: 'OUT_OF_MEMORY', retryable: false, detail: 'used 4 GiB', title: expect.any(String), remedy: expect.any(String) },
      usage: { input_tokens: 0, output_tokens: 0, turns: 0 },
      runs: [{ id: runId, kind: 'agent', epoch: 1, outcome: null }],
      egress: [{ ...entry, at: '1970-01-01T00:00:00.000Z' }],
      prompt: 'Fix the test.\nIt is red.',
      timings: { RUNNING_AGENT: expect.stringMatching(/Z$/) },
    });
  });
});

describe('POST /v1/tasks/{id}/cancel', () => {
  it('marks a live task, again and again, and tells the engine', async () => {
    const id = await submitted(api);
    for (let n = 0; n < 2; n += 1) {
      const response = await api.request(`/v1/tasks/${id}/cancel`, { method: 'POST' });
      expect([response.status, ((await response.json()) as { cancel_requested: boolean }).cancel_requested]).toEqual([202, true]);
    }
    expect(api.calls.filter((call) => call === `cancel ${id}`)).toHaveLength(2);
  });

  it.each([
    ['CANCELLED', 200],
    ['COMPLETED', 409],
    ['FAILED', 409],
  ] as const)('of a task that is %s answers %i', async (status, expected) => {
    const id = await finished(status);
    expect((await api.request(`/v1/tasks/${id}/cancel`, { method: 'POST' })).status).toBe(expected);
    expect(api.calls).not.toContain(`cancel ${id}`);
  });
});

describe('POST /v1/tasks/{id}/messages', () => {
  it('takes a message once per id and tells of it in the events', async () => {
    const id = await submitted(api);
    const post = () => api.request(`/v1/tasks/${id}/messages`, jsonRequest({ text: 'Use tabs.', id: 'm1' }));
    const first = await (await post()).json();
    expect(first).toMatchObject({ id: 'm1', seq: 1 });
    expect(await (await post()).json()).toEqual(first);
    expect((await api.stores.mailbox.read(id, 0)).map(({ text }) => text)).toEqual(['Use tabs.']);
    const { events } = await api.stores.events.read(id, 0, 100);
    expect(events.filter(({ type }) => type === 'message').map(({ data }) => data)).toEqual([
      { message_id: 'm1', text: 'Use tabs.', change: 'received' },
    ]);
    expect(await codeOf(await api.request(`/v1/tasks/${id}/messages`, jsonRequest({ text: 'Other.', id: 'm1' })))).toEqual([
      422,
      'MESSAGE_ID_REUSED',
    ]);
  });

  it.each<[string, unknown, number]>([
    ['no text', {}, 422],
    ['blank text', { text: ' ' }, 422],
    ['over 16 KiB', { text: 'ü'.repeat(8193) }, 422],
    ['far over 16 KiB', { text: 'x'.repeat(200_000) }, 413],
    ['an odd id', { text: 'x', id: '../x' }, 422],
    ['no JSON', '{', 400],
  ])('refuses %s', async (_, body, status) => {
    const id = await submitted(api);
    expect((await api.request(`/v1/tasks/${id}/messages`, jsonRequest(body))).status).toBe(status);
    expect(await api.stores.mailbox.read(id, 0)).toEqual([]);
  });

  it('answers 409 for a finished task', async () => {
    expect(await codeOf(await api.request(`/v1/tasks/${await finished()}/messages`, jsonRequest({ text: 'x' })))).toEqual([
      409,
      'TASK_FINISHED',
    ]);
  });
});

describe('what a task produced', () => {
  it('lists artifacts and links to them without a key', async () => {
    const id = await finished();
    const { data } = (await (await api.request(`/v1/tasks/${id}/artifacts`)).json()) as {
      data: { name: string; sha256: string; url: string }[];
    };
    expect(data.map(({ name }) => name)).toEqual(['diff.patch', 'explanation.md']);
    const redirect = await api.request(data[1]?.url ?? '');
    expect(redirect.status).toBe(302);
    const link = redirect.headers.get('location') ?? '';
    const download = await api.app.request(link);
    expect(await download.text()).toBe('<script>alert(1)</script>');
    expect(Object.fromEntries(download.headers)).toMatchObject({
      'content-disposition': `attachment; filename="${id}-explanation.md"`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
      'cache-control': 'no-store',
    });
    const forged = link.replace('explanation.md', 'diff.patch');
    expect(await codeOf(await api.app.request(forged))).toEqual([404, 'NOT_FOUND']);
    expect(JSON.stringify(api.logged)).not.toContain('signature');
  });

  it('sends the bytes themselves on ?proxy=1', async () => {
    const id = await finished();
    const response = await api.request(`/v1/tasks/${id}/artifacts/diff.patch?proxy=1`);
    expect(await response.text()).toBe(PATCH);
    expect(response.headers.get('content-security-policy')).toBe("sandbox; default-src 'none'");
    expect(response.headers.get('content-length')).toBe(String(PATCH.length));
    expect((await api.request(`/v1/tasks/${id}/artifacts/diff.patch?proxy=1`, { method: 'HEAD' })).status).toBe(200);
  });

  it('says what is missing, and whether it may still come', async () => {
    const done = await finished();
    const live = await submitted(api);
    expect(await codeOf(await api.request(`/v1/tasks/${done}/artifacts/setup.log`))).toEqual([404, 'NOT_FOUND']);
    expect(await codeOf(await api.request(`/v1/tasks/${done}/artifacts/..%2fmanifest.json`))).toEqual([404, 'NOT_FOUND']);
    expect(await codeOf(await api.request(`/v1/tasks/${live}/diff`))).toEqual([404, 'NOT_READY']);
    expect((await api.request(`/v1/tasks/${done}/artifacts/diff.patch?proxy=2`)).status).toBe(400);
  });

  it('shows the diff as a patch or as a summary', async () => {
    const id = await finished();
    const patch = await api.request(`/v1/tasks/${id}/diff`);
    expect([patch.headers.get('content-type'), await patch.text()]).toEqual(['text/x-diff; charset=utf-8', PATCH]);
    const summary = await api.request(`/v1/tasks/${id}/diff`, { headers: { accept: 'application/json' } });
    expect(await summary.json()).toEqual({
      files: [{ path: 'a', old_path: null, status: 'modified', additions: 1, deletions: 0, binary: false }],
      stats: { files: 1, additions: 1, deletions: 0 },
    });
  });

  it('shows the log, of all streams or one, whole or its tail', async () => {
    const id = await submitted(api);
    const lines = [
      ['setup', 'one\ntwo\n'],
      ['agent', 'three\nfo'],
      ['agent', 'ur\n'],
    ] as const;
    const events = lines.map(([stream, text], n) => ({ type: 'log' as const, data: { stream, text }, source_seq: n + 1, at: 0 }));
    await api.stores.events.append(id, 'run', events);
    const log = async (query: string) => (await api.request(`/v1/tasks/${id}/logs${query}`)).text();
    expect(await log('')).toBe('one\ntwo\nthree\nfour\n');
    expect(await log('?tail=2')).toBe('three\nfour\n');
    expect(await log('?stream=setup')).toBe('one\ntwo\n');
    expect((await api.request(`/v1/tasks/${id}/logs?tail=0`)).status).toBe(400);
  });
});

describe('DELETE /v1/tasks/{id}', () => {
  const erase = (id: string) => api.request(`/v1/tasks/${id}`, { method: 'DELETE' });

  it('erases a finished task, its objects, its runs and its history, and keeps a tombstone', async () => {
    const id = await finished();
    const runId = `${id}-a1`;
    await api.stores.runs.open({ id: runId, taskId: id, kind: 'agent', epoch: 1 });
    const keys = [
      `tmp_zips/${id}/code.zip`,
      `processed_code/${id}/code.tar.zst`,
      `turns/${id}/1-x`,
      `${runPrefix(runId)}blob`,
      artifactKey(id, 'diff.patch'),
    ];
    for (const key of keys) await api.objects.put(key, Readable.from(['x']));
    expect((await erase(id)).status).toBe(204);
    for (const key of keys) expect([key, await api.objects.stat(key)]).toEqual([key, null]);
    expect(api.calls).toContain(`erase ${id}`);
    expect(await codeOf(await api.request(`/v1/tasks/${id}`))).toEqual([404, 'NOT_FOUND']);
    expect(await api.stores.tasks.insert({ id, owner: 'ada', spec: { source: { type: 'zip' }, prompt: 'x', mode: 'explain' } })).toBe(
      'erased',
    );
  });

  it('answers 409 before the end, and while the workflow still cleans up', async () => {
    expect(await codeOf(await erase(await submitted(api)))).toEqual([409, 'TASK_NOT_FINISHED']);
    const id = await finished();
    api.state.describes = 'running';
    expect(await codeOf(await erase(id))).toEqual([409, 'TASK_NOT_FINISHED']);
  });

  it('erases nothing while the engine is away', async () => {
    const id = await finished();
    api.state.up = false;
    expect(await codeOf(await erase(id))).toEqual([503, 'ENGINE_UNAVAILABLE']);
    expect(await (await api.request(`/v1/tasks/${id}/diff`)).text()).toBe(PATCH);
  });
});

describe('operations', () => {
  it('is live, ready, and ready but degraded without the engine', async () => {
    expect((await api.app.request('/livez')).status).toBe(200);
    expect(await (await api.app.request('/readyz')).json()).toEqual({ status: 'ready', degraded: [], failing: [] });
    api.state.up = false;
    const degraded = await api.app.request('/readyz');
    expect([degraded.status, await degraded.json()]).toEqual([200, { status: 'ready', degraded: ['engine'], failing: [] }]);
    api.stopping.abort();
    expect((await api.app.request('/readyz')).status).toBe(503);
  });

  it('answers 503 with Retry-After while the store is away', async () => {
    const away = () => Promise.reject(new StoreUnavailableError('locked'));
    const tasks = { ...api.stores.tasks, get: away };
    const down = await createTestApi({
      folder: api.data,
      override: ({ stores }) => ({ stores: { ...stores, tasks, versions: { read: away } } }),
    });
    const response = await down.request('/v1/tasks/x');
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await codeOf(response)).toEqual([503, 'STORE_UNAVAILABLE']);
    expect((await down.app.request('/readyz')).status).toBe(503);
    await down.close();
  });

  it('is degraded, and answers 503 with Retry-After where it needs one, while the object store is away', async () => {
    const away = () => Promise.reject(new ObjectStoreUnavailableError('gone'));
    const down = await createTestApi({ folder: api.data, override: ({ objects }) => ({ objects: { ...objects, get: away, stat: away } }) });
    const id = await finished();
    const response = await down.request(`/v1/tasks/${id}/artifacts/diff.patch?proxy=1`);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await codeOf(response)).toEqual([503, 'OBJECTS_UNAVAILABLE']);
    const ready = await down.app.request('/readyz');
    expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready', degraded: ['objects'], failing: [] }]);
    await down.close();
  });

  it('has no page for links where the store serves its own', async () => {
    const elsewhere = await createTestApi({ folder: api.data, override: () => ({ links: null }) });
    expect(await codeOf(await elsewhere.request('/objects/logs/t1/a?signature=x'))).toEqual([404, 'NOT_FOUND']);
    await elsewhere.close();
  });

  it('counts requests by route and active tasks by status', async () => {
    const id = await submitted(api);
    await api.request(`/v1/tasks/${id}`);
    const text = await (await api.app.request('/metrics')).text();
    expect(text).toContain('codebay_active_tasks{status="QUEUED"} 1');
    expect(text).toMatch(/codebay_http_request_duration_seconds_count\{method="GET",route="\/v1\/tasks\/:id",status="200"\} 1/);
    expect(text).not.toContain(id);
  });

  it('describes every route, for machines and for people, and loads nothing', async () => {
    const document = (await (await api.app.request('/openapi.json')).json()) as { paths: Record<string, Record<string, unknown>> };
    const operations = Object.entries(document.paths).flatMap(([path, item]) => Object.keys(item).map((method) => `${method} ${path}`));
    const task = '/v1/tasks/{id}';
    expect(operations.sort()).toEqual(
      [
        ...['delete', 'get'].map((method) => `${method} ${task}`),
        ...['artifacts', 'artifacts/{name}', 'diff', 'events', 'logs'].map((path) => `get ${task}/${path}`),
        ...['cancel', 'messages'].map((path) => `post ${task}/${path}`),
        ...['get /v1/tasks', 'post /v1/tasks', 'get /livez', 'get /readyz', 'get /metrics'],
      ].sort(),
    );
    const page = await api.app.request('/docs');
    const html = await page.text();
    for (const operation of operations) expect(html).toContain(operation.split(' ')[1]);
    expect(html).not.toMatch(/<script|src=|https?:\/\//);
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
  });

  it('refuses other host names where it listens on loopback', async () => {
    const local = await createTestApi({ folder: api.data, options: { hostnames: ['localhost', '127.0.0.1', '[::1]'] } });
    const asked = async (host: string) => (await local.app.request('/livez', { headers: { host } })).status;
    expect(await Promise.all(['localhost:8420', '127.0.0.1', '[::1]:1', 'LOCALHOST'].map(asked))).toEqual([200, 200, 200, 200]);
    expect(await Promise.all(['evil.test', 'localhost.evil.test:80', '127.0.0.1.evil.test', ''].map(asked))).toEqual([421, 421, 421, 421]);
    await local.close();
  });

  it('answers every path with security headers and a request id', async () => {
    const task = `/v1/tasks/${await submitted(api)}`;
    for (const path of [
      '/',
      '/v1',
      '/v1/tasks',
      task,
      `${task}/events`,
      '/v1/tasks/none',
      '/nope',
      '/objects/',
      '/objects/..%2f..%2fsecret?signature=x',
    ]) {
      const response = await api.request(path, { headers: { 'x-request-id': 'abc-12345' } });
      expect(response.status).toBeLessThan(500);
      expect(response.headers.get('x-request-id')).toBe('abc-12345');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
    }
  });
});

import { jest } from '@jest/globals';
import type { OwnerLimits } from '../../../api/deps.ts';
import { createTestApi, GIT_TASK, jsonRequest, submitted, type TestApi, zipForm } from '../../support/api.ts';

let api: TestApi;
afterEach(() => api.close());
const open = async (limits: Partial<OwnerLimits>) => {
  api = await createTestApi({ options: { ownerLimits: { requestsPerMinute: 0, submissionsPerMinute: 0, tasks: 0, ...limits } } });
  return api;
};
const submit = (headers: Record<string, string> = {}) => api.request('/v1/tasks', jsonRequest(GIT_TASK, headers));

const expectLimited = async (response: Response, code: string, atMostSeconds: number) => {
  expect(response.status).toBe(429);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const seconds = Number(response.headers.get('retry-after'));
  expect(seconds).toBeGreaterThanOrEqual(1);
  expect(seconds).toBeLessThanOrEqual(atMostSeconds);
  expect(await response.json()).toMatchObject({ code, status: 429, retryable: true, remedy: expect.stringMatching(/Wait/) });
};

describe('requests of an owner a minute', () => {
  it('are limited over all routes and keys, for each owner apart', async () => {
    await open({ requestsPerMinute: 3 });
    const second = `Bearer ${await api.stores.apiKeys.create('ada')}`;
    expect((await api.request('/v1/tasks')).status).toBe(200);
    expect((await api.request('/v1/tasks/none')).status).toBe(404);
    expect((await api.request('/v1/tasks', { headers: { authorization: second } })).status).toBe(200);
    await expectLimited(await api.request('/v1/tasks'), 'TOO_MANY_REQUESTS', 60);
    await expectLimited(await api.request('/v1/tasks', { headers: { authorization: second } }), 'TOO_MANY_REQUESTS', 60);
    const other = `Bearer ${await api.stores.apiKeys.create('bob')}`;
    expect((await api.request('/v1/tasks', { headers: { authorization: other } })).status).toBe(200);
  });

  it('are those below /v1 with a key, and an event stream is one', async () => {
    await open({ requestsPerMinute: 2 });
    for (let n = 0; n < 5; n += 1) {
      expect((await api.app.request('/livez')).status).toBe(200);
      expect((await api.app.request('/v1/tasks')).status).toBe(401);
    }
    const id = await submitted(api);
    const stream = await api.request(`/v1/tasks/${id}/events`, { headers: { accept: 'text/event-stream' } });
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    for (const n of [1, 2, 3]) {
      await api.stores.events.append(id, 'run', [{ type: 'log', data: { stream: 'agent', text: 'x' }, source_seq: n, at: n }]);
      expect(Buffer.from((await reader.read()).value ?? []).toString()).toContain(`id: ${n}`);
    }
    await reader.cancel();
    expect((await api.request('/v1/tasks')).status).toBe(429);
  });
});

describe('submissions of an owner a minute', () => {
  it('are limited apart from other requests', async () => {
    await open({ submissionsPerMinute: 2 });
    expect([(await submit()).status, (await submit()).status]).toEqual([202, 202]);
    await expectLimited(await submit(), 'TOO_MANY_SUBMISSIONS', 60);
    expect((await api.request('/v1/tasks')).status).toBe(200);
  });
});

describe('unfinished tasks of an owner', () => {
  it('are limited until one ends; those of others count for nothing', async () => {
    await open({ tasks: 2 });
    const bob = { authorization: `Bearer ${await api.stores.apiKeys.create('bob')}` };
    expect((await submit(bob)).status).toBe(202);
    const id = await submitted(api, { status: 'PROCESSING' });
    await submitted(api);
    await expectLimited(await submit(), 'TOO_MANY_TASKS', 15);
    expect((await submit(bob)).status).toBe(202);
    await api.stores.tasks.update(id, 2, { status: 'FAILED' });
    expect((await submit()).status).toBe(202);
    expect((await submit()).status).toBe(429);
  });

  it('at the limit an accepted submission may be repeated, and a refused one later be accepted, with the same key', async () => {
    await open({ tasks: 1 });
    const first = await submit({ 'idempotency-key': 'a' });
    const { id } = (await first.json()) as { id: string };
    const again = await submit({ 'idempotency-key': 'a' });
    expect(again.status).toBe(202);
    expect(await again.json()).toMatchObject({ id });
    expect((await submit({ 'idempotency-key': 'b' })).status).toBe(429);
    await api.stores.tasks.update(id, 1, { status: 'COMPLETED' });
    expect((await submit({ 'idempotency-key': 'b' })).status).toBe(202);
  });

  it('at the limit no zip is stored', async () => {
    await open({ tasks: 1 });
    await submitted(api);
    const put = jest.spyOn(api.objects, 'put');
    await expectLimited(await api.request('/v1/tasks', zipForm('PK not read')), 'TOO_MANY_TASKS', 15);
    expect(put).not.toHaveBeenCalled();
  });
});

it('every route below /v1 says that it may answer 429', async () => {
  await open({});
  const { paths } = (await (await api.app.request('/openapi.json')).json()) as {
    paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
  };
  const operations = Object.entries(paths).flatMap(([path, item]) => (path.startsWith('/v1/') ? Object.values(item) : []));
  expect(operations.length).toBeGreaterThan(10);
  for (const { responses } of operations) expect(Object.keys(responses)).toContain('429');
});

import { createClient } from '../../../sdk/index.ts';
import { createTestApi, submitted, type TestApi } from '../../support/api.ts';

let api: TestApi;
beforeEach(async () => {
  api = await createTestApi();
});
afterEach(() => api.close());

const log = (n: number) => ({ type: 'log' as const, data: { stream: 'agent' as const, text: `${n}\n` }, source_seq: n, at: n });
const ended = (sourceSeq: number) => ({
  type: 'status' as const,
  data: { status: 'COMPLETED' as const, phase: null, waiting_for: null, failure: null },
  source_seq: sourceSeq,
  at: sourceSeq,
});
const append = (id: string, from: number, to: number) =>
  api.stores.events.append(
    id,
    'run',
    Array.from({ length: to - from + 1 }, (_, n) => log(from + n)),
  );
const stream = (target: TestApi, id: string, init: RequestInit = {}) =>
  target.request(`/v1/tasks/${id}/events`, { ...init, headers: { accept: 'text/event-stream', ...init.headers } });

const idsIn = (text: string) => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);

/** Reads until the text holds what is waited for. */
const readUntil = async (reader: ReadableStreamDefaultReader<Uint8Array>, found: (text: string) => boolean): Promise<string> => {
  let text = '';
  while (!found(text)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the stream ended early: ${text}`);
    text += Buffer.from(value).toString();
  }
  return text;
};

describe('GET /v1/tasks/{id}/events as JSON', () => {
  it('pages without gap or repeat', async () => {
    const id = await submitted(api);
    await append(id, 1, 7);
    await api.stores.events.append(id, 'end', [ended(1)]);
    const seen: number[] = [];
    for (let after = 0; ; ) {
      const page = (await (await api.request(`/v1/tasks/${id}/events?after=${after}&limit=3`)).json()) as {
        data: { seq: number; source?: string }[];
        next_after: number;
        finished: boolean;
      };
      seen.push(...page.data.map(({ seq }) => seq));
      expect(page.data.every((event) => event.source === undefined)).toBe(true);
      if (page.finished) break;
      after = page.next_after;
    }
    expect(seen).toEqual(range(1, 8));
  });

  it('answers 410 for what has expired, and says where to go on', async () => {
    const id = await submitted(api);
    const events = { ...api.stores.events, read: async () => ({ events: [], expiredThrough: 40 }) };
    const aged = await createTestApi({ folder: api.data, override: ({ stores }) => ({ stores: { ...stores, events } }) });
    for (const accept of ['application/json', 'text/event-stream']) {
      const response = await aged.app.request(`/v1/tasks/${id}/events?after=39`, {
        headers: { accept, authorization: `Bearer ${api.key}` },
      });
      expect(response.status).toBe(410);
      expect(await response.json()).toMatchObject({ code: 'EVENTS_EXPIRED', detail: expect.stringContaining('after=40') });
    }
    await aged.close();
  });

  it.each(['after=-1', 'after=x', 'limit=501'])('refuses ?%s', async (query) => {
    expect((await api.request(`/v1/tasks/${await submitted(api)}/events?${query}`)).status).toBe(400);
  });
});

describe('GET /v1/tasks/{id}/events as a stream', () => {
  it('sends what is there and what comes, then the terminal event, then closes', async () => {
    const id = await submitted(api);
    await append(id, 1, 3);
    const response = await stream(api, id);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = await readUntil(reader, (sofar) => idsIn(sofar).length === 3);
    await append(id, 4, 5);
    text += await readUntil(reader, (sofar) => idsIn(sofar).length === 2);
    await api.stores.events.append(id, 'end', [ended(1), { ...log(2) }]);
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += Buffer.from(part.value).toString();
    expect(idsIn(text)).toEqual(range(1, 6));
    expect(text).toContain('id: 6\nevent: status\ndata: {"type":"status"');
  });

  it('sends more events than one read takes', async () => {
    const id = await submitted(api);
    for (let from = 1; from <= 900; from += 300) await append(id, from, from + 299);
    await api.stores.events.append(id, 'end', [ended(1)]);
    expect(idsIn(await (await stream(api, id)).text())).toEqual(range(1, 901));
  });

  it('goes on after Last-Event-ID, which is stronger than ?after=', async () => {
    const id = await submitted(api);
    await append(id, 1, 5);
    await api.stores.events.append(id, 'end', [ended(1)]);
    const resumed = await stream(api, id, { headers: { 'last-event-id': '4' } });
    expect(idsIn(await resumed.text())).toEqual([5, 6]);
  });

  it('sends comments into silence', async () => {
    const quiet = await createTestApi({ folder: api.data, options: { heartbeatMs: 5 } });
    const response = await stream(quiet, await submitted(quiet));
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    expect(await readUntil(reader, (text) => (text.match(/^: still here$/gm) ?? []).length >= 2)).toContain('retry:');
    await reader.cancel();
    await quiet.close();
  });

  it.each<[string, (target: TestApi, abort: AbortController, body: ReadableStream<Uint8Array>) => unknown]>([
    ['the client goes', (_, abort) => abort.abort()],
    ['the body is cancelled', (_, __, body) => body.cancel()],
    ['the process drains', (target) => target.stopping.abort()],
  ])('leaves no reader of the store behind when %s', async (_, leave) => {
    const listening = Promise.withResolvers<AbortSignal>();
    const events = {
      ...api.stores.events,
      changes: (taskId: string, signal: AbortSignal) => {
        listening.resolve(signal);
        return api.stores.events.changes(taskId, signal);
      },
    };
    const watched = await createTestApi({ folder: api.data, override: ({ stores }) => ({ stores: { ...stores, events } }) });
    const abort = new AbortController();
    const response = await stream(watched, await submitted(watched), { signal: abort.signal });
    const body = response.body as ReadableStream<Uint8Array>;
    const reader = body.getReader();
    await reader.read();
    const pending = reader.read();
    const signal = await listening.promise;
    expect(await (await watched.app.request('/metrics')).text()).toContain('codebay_event_streams 1');
    await leave(watched, abort, { cancel: () => reader.cancel() } as ReadableStream<Uint8Array>);
    expect((await pending).done).toBe(true);
    expect(signal.aborted).toBe(true);
    expect(await (await watched.app.request('/metrics')).text()).toContain('codebay_event_streams 0');
    await watched.close();
  });

  it('says 204 at once to who has the terminal event, and to nobody else', async () => {
    const id = await submitted(api, { status: 'COMPLETED' });
    await append(id, 1, 1);
    await api.stores.events.append(id, 'end', [ended(1)]);
    expect((await stream(api, id, { headers: { 'last-event-id': '2' } })).status).toBe(204);
    const behind = await stream(api, id, { headers: { 'last-event-id': '1' } });
    expect(idsIn(await behind.text())).toEqual([2]);
  });

  it('says 204 when nothing will ever come', async () => {
    const id = await submitted(api, { status: 'COMPLETED' });
    await api.stores.events.append(id, 'end', [ended(1)]);
    const later = await createTestApi({ folder: api.data, override: () => ({ now: () => Date.now() + 60_000 }) });
    expect((await stream(later, id, { headers: { 'last-event-id': '1' } })).status).toBe(204);
    await later.close();
  });
});

describe('the client', () => {
  it('sees each event once, in order, over two APIs on one store, one of which drains', async () => {
    const id = await submitted(api);
    const second = await createTestApi({ folder: api.data });
    const asked: (string | null)[] = [];
    const client = createClient({
      url: 'http://localhost',
      apiKey: api.key,
      fetch: async (input, init) => {
        asked.push(new Headers(init?.headers).get('last-event-id'));
        return (asked.length === 1 ? second : api).app.request(String(input), init);
      },
    });
    await append(id, 1, 3);
    const seen: number[] = [];
    for await (const event of client.events(id)) {
      seen.push(event.seq);
      if (event.seq === 3) {
        second.stopping.abort();
        await append(id, 4, 6);
        await api.stores.events.append(id, 'end', [ended(1)]);
      }
    }
    expect(seen).toEqual(range(1, 7));
    expect(asked).toEqual(['0', '3']);
    await second.close();
  });

  it('throws what the API refuses for good', async () => {
    const client = createClient({
      url: 'http://localhost',
      apiKey: api.key,
      fetch: async (input, init) => api.app.request(String(input), init),
    });
    await expect(client.events('no-such-task')[Symbol.asyncIterator]().next()).rejects.toMatchObject({ problem: { code: 'NOT_FOUND' } });
  });
});

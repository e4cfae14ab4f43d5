import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { readdir, readlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createFilesystemStore } from '../../../platform/filesystem.ts';
import { createClient } from '../../../sdk/index.ts';
import { type Nginx, startNginx } from '../../servers/nginx.ts';
import { GIT_TASK, ZIP_TASK } from '../../support/api.ts';
import { createDataFolder, startApi } from '../../support/api-process.ts';
import { createEventFollower } from '../../support/event-follower.ts';
import { until } from '../../support/until.ts';

const MiB = 1024 * 1024;
const ENDED = { status: 'COMPLETED' as const, phase: null, waiting_for: null, failure: null };
const log = (n: number) => ({ type: 'log' as const, data: { stream: 'agent' as const, text: `${n}` }, source_seq: n, at: 0 });

describe('nginx before two replicas', () => {
  let data: Awaited<ReturnType<typeof createDataFolder>>;
  let apis: Awaited<ReturnType<typeof startApi>>[];
  let nginx: Nginx;
  beforeAll(async () => {
    data = await createDataFolder();
    // Two replicas are one station to its users: one public URL, one secret, one store.
    const env = { CODEBAY_MAX_ZIP_MB: '320', CODEBAY_PUBLIC_URL: 'http://codebay.test' };
    apis = await Promise.all([startApi(data.folder, env), startApi(data.folder, env)]);
    nginx = await startNginx({ apiPorts: apis.map(({ port }) => port), maxZipMb: 320 });
  });
  afterAll(async () => {
    await nginx.stop();
    await Promise.all(apis.map((api) => api.stop()));
    await data.remove();
  });

  const client = (url = nginx.url) => createClient({ url, apiKey: data.apiKey });
  const authorization = () => ({ authorization: `Bearer ${data.apiKey}` });
  const zeros = (mebibytes: number, afterEach = () => {}): Readable =>
    Readable.from(
      (function* () {
        const chunk = Buffer.alloc(MiB);
        for (let n = 0; n < mebibytes; n += 1) {
          yield chunk;
          afterEach();
        }
      })(),
      { objectMode: false },
    );
  const tempFiles = () => readdirSync(nginx.tempDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());

  /** Sends one request line as it is, which fetch would tidy up, and gives the answer's status. */
  const raw = async (target: string, host = '127.0.0.1'): Promise<number> => {
    const socket = connect(Number(new URL(nginx.url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
  };

  test('an upload of 300 MB streams through without a file or memory of its own', async () => {
    const seen = new Set<string>();
    const note = () => {
      for (const { name } of tempFiles()) seen.add(name);
    };
    const task = await client().submit({ ...ZIP_TASK }, { code: zeros(300, note) });
    note();
    expect([...seen]).toEqual([]);
    expect((await client().get(task.id)).status).toBe('QUEUED');
    for (const api of apis) expect(await api.memory('VmHWM')).toBeLessThan(350 * MiB);
  }, 120_000);

  test("a zip over the limit is refused in the API's words", async () => {
    const refused = client().submit({ ...ZIP_TASK }, { code: zeros(321) });
    await expect(refused).rejects.toMatchObject({ problem: { status: 413, code: 'ZIP_TOO_LARGE' } });
  }, 120_000);

  test('events arrive one by one, each before the next is written', async () => {
    const { id } = await client().submit(GIT_TASK);
    const seen: number[] = [];
    await data.stores.events.append(id, 'run', [log(1)]);
    for await (const event of client().events(id)) {
      seen.push(event.seq);
      if (event.seq < 4) await data.stores.events.append(id, 'run', [log(event.seq + 1)]);
      if (event.seq === 4) await data.stores.events.append(id, 'end', [{ type: 'status', data: ENDED, source_seq: 1, at: 0 }]);
    }
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  test('a replica killed in the middle: streams go on without gap or repeat, reads never fail', async () => {
    const env = { CODEBAY_PUBLIC_URL: 'http://codebay.test' };
    const pair = await Promise.all([startApi(data.folder, env), startApi(data.folder, env)]);
    const front = await startNginx({ apiPorts: pair.map(({ port }) => port) });
    const leaving = new AbortController();
    try {
      const api = client(front.url);
      const { id } = await api.submit(GIT_TASK);
      // More than one, so that both replicas hold streams.
      const followers = Array.from({ length: 6 }, () =>
        createEventFollower(`${front.url}/v1/tasks/${id}/events`, data.apiKey, leaving.signal),
      );
      const following = followers.map(({ follow }) => follow());
      await data.stores.events.append(id, 'run', [log(1), log(2)]);
      await until('all streams have begun', () => followers.every(({ seen }) => seen.length === 2));

      let reading = true;
      const statuses = new Map<number, number>();
      const read = async () => {
        while (reading) {
          const { status } = await fetch(`${front.url}/v1/tasks/${id}`, { headers: authorization() });
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      };
      const readers = Array.from({ length: 4 }, read);
      await until('reads are under way', () => (statuses.get(200) ?? 0) > 20);
      await pair[0]?.stop();
      for (let n = 3; n <= 20; n += 1) await data.stores.events.append(id, 'run', [log(n)]);
      const before = statuses.get(200) ?? 0;
      await until('reads have gone on', () => (statuses.get(200) ?? 0) > before + 20);
      reading = false;
      await Promise.all(readers);
      await data.stores.tasks.update(id, 1, { status: 'COMPLETED' });
      await data.stores.events.append(id, 'end', [{ type: 'status', data: ENDED, source_seq: 1, at: 0 }]);
      await Promise.all(following);
      expect([...statuses.keys()]).toEqual([200]);
      const numbers = Array.from({ length: 21 }, (_, index) => index + 1);
      for (const { seen } of followers) expect(seen.map(({ event }) => event.seq)).toEqual(numbers);
      expect(followers.filter(({ streams }) => streams.broken > 0).length).toBeGreaterThan(0);
      // A new submission finds the replica that lives.
      expect(await api.submit(GIT_TASK, { idempotencyKey: 'after' })).toMatchObject({ status: 'QUEUED' });
      await pair[1]?.stop();
      const none = await fetch(`${front.url}/v1/tasks/${id}`, { headers: authorization() });
      expect(none.status).toBe(503);
      expect(none.headers.get('retry-after')).toBe('1');
      expect(await none.json()).toMatchObject({ code: 'UNAVAILABLE', request_id: none.headers.get('x-request-id') });
    } finally {
      leaving.abort();
      await front.stop();
      await Promise.all(pair.map((api) => api.stop()));
    }
  }, 90_000);

  test('a submission whose replica dies in the middle is given to no other', async () => {
    const pair = await Promise.all([startApi(data.folder), startApi(data.folder)]);
    const front = await startNginx({ apiPorts: pair.map(({ port }) => port) });
    try {
      const tasks = async () => (await data.stores.tasks.list({ owner: 'ada', limit: 100 })).tasks.length;
      const uploads = async () => (await readdir(join(data.folder, 'objects/.incoming')).catch(() => [])).length;
      const before = { tasks: await tasks(), uploads: await uploads() };
      /** The replicas that have a file of the object store open. */
      const holders = async () => {
        const open = await Promise.all(
          pair.map(async ({ pid }) => {
            const links = await Promise.all(
              (await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')),
            );
            return links.some((link) => link.includes('/.incoming/'));
          }),
        );
        return pair.filter((_, index) => open[index]);
      };
      const code = Readable.from(
        (async function* () {
          yield Buffer.alloc(MiB);
          await until('a replica stores it', async () => (await uploads()) > before.uploads);
          const [holder] = await holders();
          await holder?.stop();
          yield Buffer.alloc(MiB);
        })(),
        { objectMode: false },
      );
      await expect(client(front.url).submit({ ...ZIP_TASK }, { code, idempotencyKey: 'cut' })).rejects.toThrow();
      expect(await tasks()).toBe(before.tasks);
    } finally {
      await front.stop();
      await Promise.all(pair.map((api) => api.stop()));
    }
  }, 120_000);

  test('each answer has a request id, the same in its log; a harmless one of the client is kept', async () => {
    const kept = await fetch(`${nginx.url}/livez`, { headers: { 'x-request-id': 'abc-12345' } });
    expect(kept.headers.get('x-request-id')).toBe('abc-12345');
    const odd = await fetch(`${nginx.url}/livez?secret=1`, { headers: { 'x-request-id': 'a b' } });
    const made = odd.headers.get('x-request-id');
    expect(made).toMatch(/^[0-9a-f]{32}$/);
    await until('the API has logged it', () => apis.some((api) => api.stderr().includes(`"request_id":"${made}"`)));
    const lines = await until('nginx has logged it', async () => {
      const text = await nginx.accessLog();
      return text.includes(`"request_id":"${made}"`) && text;
    });
    expect(lines).not.toContain('secret=1');
  });

  test('nothing but the API is reached, under its own names alone', async () => {
    for (const path of ['/metrics', '//metrics', '/%6detrics', '/x/../metrics', '/metrics?x', '/x\\..\\metrics', '/x%5c..%5cmetrics']) {
      expect([path, await raw(path)]).toEqual([path, 404]);
    }
    expect(await raw('/run/')).toBe(404);
    expect(await raw('/livez', 'evil.test')).toBe(421);
    expect(await raw('/livez')).toBe(200);
    const answer = await fetch(`${nginx.url}/metrics`);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('server')).toBe('nginx');
    expect(await answer.json()).toMatchObject({ code: 'NOT_FOUND', request_id: expect.any(String) });
  });

  test('links lead to the public URL and open through nginx, whichever replica made them', async () => {
    const { id } = await client().submit(GIT_TASK);
    const key = `logs/${id}/diff.patch`;
    const objects = createFilesystemStore({ root: `${data.folder}/objects`, publicUrl: 'http://unused', secret: '7'.repeat(64) });
    const { sizeBytes, sha256 } = await objects.put(key, Readable.from(['patch']));
    await data.stores.tasks.update(id, 1, { status: 'COMPLETED', artifacts: [{ name: 'diff.patch', size_bytes: sizeBytes, sha256 }] });
    const link = await fetch(`${nginx.url}/v1/tasks/${id}/artifacts/diff.patch`, { headers: authorization(), redirect: 'manual' });
    const location = new URL(link.headers.get('location') ?? '');
    expect(location.origin).toBe('http://codebay.test');
    for (const { port } of apis) {
      const opened = await fetch(new URL(`${location.pathname}${location.search}`, `http://127.0.0.1:${port}`));
      expect(await opened.text()).toBe('patch');
    }
    expect(await (await fetch(new URL(`${location.pathname}${location.search}`, nginx.url))).text()).toBe('patch');
  });

  test('too many requests of one address are told to wait', async () => {
    // The burst is 200, and no machine is so slow that 300 requests take longer than the rest of them is granted.
    const front = await startNginx({ apiPorts: apis.map(({ port }) => port), requestsPerSecond: 1 });
    try {
      const answers = await Promise.all(Array.from({ length: 300 }, () => fetch(`${front.url}/livez`)));
      await Promise.all(answers.map((answer) => answer.arrayBuffer()));
      const limited = answers.filter(({ status }) => status === 429);
      expect(limited.length).toBeGreaterThan(0);
      expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(200);
      expect(limited[0]?.headers.get('retry-after')).toBe('1');
    } finally {
      await front.stop();
    }
  });
});

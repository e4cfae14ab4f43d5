import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { CodebayError, createClient } from '../../../sdk/index.ts';
import { GIT_TASK, ZIP_TASK } from '../../support/api.ts';
import { createDataFolder, startApi } from '../../support/api-process.ts';

const MiB = 1024 * 1024;

let data: Awaited<ReturnType<typeof createDataFolder>>;
let api: Awaited<ReturnType<typeof startApi>>;
beforeAll(async () => {
  data = await createDataFolder();
  api = await startApi(data.folder, { CODEBAY_MAX_ZIP_MB: '120' });
});
afterAll(async () => {
  await api.stop();
  await data.remove();
});

const client = () => createClient({ url: api.url, apiKey: data.apiKey });
const zeros = (mebibytes: number): Readable =>
  Readable.from(
    (function* () {
      const chunk = Buffer.alloc(MiB);
      for (let n = 0; n < mebibytes; n += 1) yield chunk;
    })(),
    { objectMode: false },
  );
const files = async (): Promise<string[]> => {
  const all = await readdir(join(data.folder, 'objects'), { recursive: true, withFileTypes: true }).catch(() => []);
  return all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
};

describe('the API process', () => {
  it('takes a zip of 100 MB with flat memory, and hands its task out', async () => {
    await client().submit({ ...ZIP_TASK }, { code: zeros(1) });
    const before = await api.memory('VmRSS');
    const task = await client().submit({ ...ZIP_TASK }, { code: zeros(100), idempotencyKey: 'big' });
    expect((await api.memory('VmHWM')) - before).toBeLessThan(80 * MiB);
    expect((await client().get(task.id)).status).toBe('QUEUED');
    expect((await client().submit({ ...ZIP_TASK }, { code: zeros(100), idempotencyKey: 'big' })).id).toBe(task.id);
  });

  it('refuses a zip over the limit with its problem, and keeps nothing of it', async () => {
    const before = await files();
    const refused = await client()
      .submit({ ...ZIP_TASK }, { code: zeros(200) })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(CodebayError);
    expect((refused as CodebayError).problem).toMatchObject({ status: 413, code: 'ZIP_TOO_LARGE' });
    expect(await files()).toEqual(before);
  });

  it('keeps nothing of an upload whose client goes away', async () => {
    const before = await files();
    const tasks = async () => (await data.stores.tasks.list({ owner: 'ada', limit: 100 })).tasks.length;
    const tasksBefore = await tasks();
    const socket = connect(api.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      `POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${data.apiKey}\r\nIdempotency-Key: gone\r\n` +
        'Content-Type: multipart/form-data; boundary=edge\r\nContent-Length: 50000000\r\n\r\n' +
        `--edge\r\nContent-Disposition: form-data; name="task"\r\n\r\n${JSON.stringify(ZIP_TASK)}\r\n` +
        '--edge\r\nContent-Disposition: form-data; name="code"; filename="code.zip"\r\n\r\n',
    );
    socket.write(Buffer.alloc(MiB));
    while ((await files()).length === before.length) await new Promise(setImmediate);
    socket.destroy();
    while ((await files()).length > before.length) await new Promise(setImmediate);
    expect(await files()).toEqual(before);
    // The key is free again, for the client's next try.
    const admission = async () => (await data.stores.idempotency.reserve('ada', 'gone', 'probe', 1)).outcome;
    while ((await admission()) !== 'reserved') await new Promise(setImmediate);
    expect(await tasks()).toBe(tasksBefore);
  });

  it('answers garbage, half requests and odd targets without falling over', async () => {
    for (const text of [
      '\0\0\0',
      'GET\r\n\r\n',
      'GET http://evil.test/livez HTTP/1.1\r\nHost: evil.test\r\n\r\n',
      'GET //x HTTP/1.1\r\n\r\n',
    ]) {
      const socket = connect(api.port, '127.0.0.1');
      await once(socket, 'connect');
      socket.end(text);
      let answer = '';
      for await (const chunk of socket) answer += chunk;
      expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    }
    expect((await fetch(`${api.url}/livez`)).status).toBe(200);
  });

  it('says nothing of the key, and nothing of the secret, in its log', () => {
    expect(api.stderr()).toContain('"path":"/v1/tasks"');
    expect(api.stderr()).not.toContain(data.apiKey);
    expect(api.stderr()).not.toContain('7'.repeat(64));
  });
});

describe('SIGTERM', () => {
  it('ends event streams so that a client goes on at the next process, without gap or repeat, and exits 0', async () => {
    const first = await startApi(data.folder);
    const second = await startApi(data.folder);
    try {
      const { id } = await createClient({ url: first.url, apiKey: data.apiKey }).submit(GIT_TASK);
      const log = (n: number) => ({ type: 'log' as const, data: { stream: 'agent' as const, text: `${n}` }, source_seq: n, at: 0 });
      await data.stores.events.append(id, 'run', [log(1), log(2)]);
      let url = first.url;
      const following = createClient({
        url: 'http://anywhere',
        apiKey: data.apiKey,
        fetch: (input, init) => fetch(new URL(new URL(String(input)).pathname, url), init),
      });
      const seen: number[] = [];
      for await (const event of following.events(id)) {
        seen.push(event.seq);
        if (event.seq !== 2) continue;
        url = second.url;
        first.signal('SIGTERM');
        expect(await first.exited).toBe(0);
        await data.stores.events.append(id, 'run', [log(3)]);
        const status = { status: 'COMPLETED' as const, phase: null, waiting_for: null, failure: null };
        await data.stores.events.append(id, 'end', [{ type: 'status', data: status, source_seq: 1, at: 0 }]);
      }
      expect(seen).toEqual([1, 2, 3, 4]);
    } finally {
      await Promise.all([first.stop(), second.stop()]);
    }
  });
});

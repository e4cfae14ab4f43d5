import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMysqlStore } from '../../../platform/mysql.ts';
import { type Mariadb, startMariadb } from '../../servers/mariadb.ts';
import { startApi } from '../../support/api-process.ts';
import { until } from '../../support/until.ts';

let server: Mariadb;
let folder: string;
beforeAll(async () => {
  server = await startMariadb();
  folder = await mkdtemp(join(tmpdir(), 'codebay-data-'));
  await writeFile(join(folder, 'secret'), '7'.repeat(64), { mode: 0o600 });
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

test('while MySQL is away the API says 503 and when to ask again, and goes on by itself when it is back', async () => {
  const url = await server.freshDatabase();
  const stores = await openMysqlStore(url, { connections: 1 });
  const key = await stores.apiKeys.create('ada');
  await stores.close();
  const api = await startApi(folder, { CODEBAY_STORE: 'mysql', CODEBAY_MYSQL_URL: url });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const list = () => fetch(`${api.url}/v1/tasks`, { headers });
  const submit = () =>
    fetch(`${api.url}/v1/tasks`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ source: { type: 'git', url: 'https://example.org/a/b.git' }, prompt: 'Mend it', mode: 'modify' }),
    });
  try {
    expect((await submit()).status).toBe(202);
    await server.kill();
    for (const ask of [list, submit]) {
      const response = await ask();
      expect(response.status).toBe(503);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await response.json()).toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
    }
    await server.start();
    await until('the API answers again', async () => (await list()).status === 200);
    const { data } = (await (await list()).json()) as { data: unknown[] };
    expect(data).toHaveLength(1);
    expect((await submit()).status).toBe(202);
    api.signal('SIGTERM');
    expect(await api.exited).toBe(0);
    expect(api.stderr()).not.toContain(url);
  } finally {
    await api.stop();
  }
});

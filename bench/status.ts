import { Agent, createServer, get } from 'node:http';
import { DatabaseSync } from 'node:sqlite';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { listen } from '../api/listener.ts';
import { createTestApi, submitted } from '../test/support/api.ts';
import { compare, type Ratio } from './rounds.ts';

const REQUESTS = 4000;
const AT_ONCE = 32;

const requestsPerSecond = async (url: string, headers: Record<string, string>): Promise<number> => {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const once = () =>
    new Promise<void>((resolve, reject) => {
      get(url, { agent, headers }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`${url} answered ${response.statusCode}`));
        response.resume().on('end', resolve).on('error', reject);
      }).on('error', reject);
    });
  let left = REQUESTS;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left > 0) {
        left -= 1;
        await once();
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  agent.destroy();
  return REQUESTS / seconds;
};

/** `GET` of a task, as a client asks for it, against Hono with one read of the same row from the same SQLite file: requests a second. */
export const run = async (): Promise<readonly Ratio[]> => {
  const api = await createTestApi({ override: () => ({ log: { info: () => {}, warn: () => {}, error: () => {} } }) });
  const id = await submitted(api, { status: 'PROCESSING', phase: 'RUNNING_AGENT' });
  const database = new DatabaseSync(`${api.data}/store.db`, { readOnly: true });
  const statement = database.prepare('select * from tasks where id = ?');
  const bareApp = new Hono().get('/v1/tasks/:id', (c) => c.json(statement.get(c.req.param('id'))));
  const ours = createServer(getRequestListener(api.app.fetch));
  const bare = createServer(getRequestListener(bareApp.fetch));
  try {
    const oursUrl = `http://127.0.0.1:${await listen(ours, 0, '127.0.0.1')}/v1/tasks/${id}`;
    const bareUrl = `http://127.0.0.1:${await listen(bare, 0, '127.0.0.1')}/v1/tasks/${id}`;
    const authorization = `Bearer ${api.key}`;
    return [
      await compare({
        name: 'status',
        unit: 'requests/s',
        ours: () => requestsPerSecond(oursUrl, { authorization }),
        bare: () => requestsPerSecond(bareUrl, { authorization }),
      }),
    ];
  } finally {
    ours.close();
    bare.close();
    database.close();
    await api.close();
  }
};

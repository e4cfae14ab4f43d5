import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { createPool } from 'mysql2/promise';
import { listen } from '../api/listener.ts';
import { openMysqlStore } from '../platform/mysql.ts';
import { openCache } from '../platform/open-cache.ts';
import { outdatingStores } from '../platform/outdating-stores.ts';
import { createTemporalEngine } from '../temporal/engine.ts';
import { createStarter } from '../temporal/starter.ts';
import { startMariadb } from '../test/servers/mariadb.ts';
import { startRedis } from '../test/servers/redis.ts';
import { createTestApi } from '../test/support/api.ts';
import { startTemporal } from '../test/support/temporal.ts';
import { compare, type Ratio } from './rounds.ts';
import type { SubmitLoad } from './submit/load.ts';

const TASKS = 300;
const AT_ONCE = 16;
const CONNECTIONS = 10;
const quiet = { info: () => {}, warn: () => {}, error: () => {} };

/** `POST` of a task on MariaDB, Redis and Temporal against bare Hono with one insert of the same row by mysql2 and `workflow.start`: tasks a second. */
export const run = async (): Promise<readonly Ratio[]> => {
  await using stack = new AsyncDisposableStack();
  const mariadb = await startMariadb();
  stack.defer(() => mariadb.stop());
  const redis = await startRedis();
  stack.defer(() => redis.stop());
  const temporal = await startTemporal();
  stack.defer(() => temporal.teardown());
  const url = await mariadb.freshDatabase();
  const cache = await openCache(
    { CODEBAY_CACHE: 'redis', CODEBAY_REDIS_URL: redis.url, CODEBAY_REDIS_PREFIX: 'bench:', CODEBAY_REDIS_TIMEOUT_MS: 80 },
    quiet,
  );
  stack.defer(() => cache.close());
  const stores = outdatingStores(
    await openMysqlStore(url, { connections: CONNECTIONS, notifications: cache.notifications }),
    cache.statusCache,
  );
  stack.defer(() => stores.close());
  const taskQueue = randomUUID();
  const engine = createTemporalEngine({ client: temporal.client, taskQueue });
  const starter = createStarter({ tasks: stores.tasks, outbox: stores.outbox, engine, log: quiet });
  const api = await createTestApi({ cache, override: () => ({ stores, starter, engine, log: quiet }) });
  stack.defer(() => api.close());
  const apiKey = await stores.apiKeys.create('ada');

  const pool = createPool({ uri: url, connectionLimit: CONNECTIONS });
  stack.defer(() => pool.end());
  const bareApp = new Hono().post('/v1/tasks', async (c) => {
    const spec = await c.req.json();
    const id = randomUUID();
    await pool.execute(
      `insert into tasks (id, owner, spec, repo, status, artifacts, revision, timings, start_acknowledged, last_event_seq, claimed_until, created_at, updated_at)
       values (?, 'ada', ?, 'example.com/a/b', 'QUEUED', '[]', 0, '{}', 1, 0, 0, ?, ?)`,
      [id, JSON.stringify(spec), Date.now(), Date.now()],
    );
    await temporal.client.workflow.start('codeTask', { workflowId: id, taskQueue, args: [{ version: 1, spec }] });
    return c.json({ id }, 202);
  });

  const load = fork(fileURLToPath(new URL('./submit/load.ts', import.meta.url)));
  stack.defer(() => load.disconnect());
  const rateOf = async (listener: RequestListener): Promise<() => Promise<number>> => {
    const server = createServer(listener);
    const port = await listen(server, 0, '127.0.0.1');
    stack.defer(() => {
      server.close();
      server.closeAllConnections();
    });
    return async () => {
      load.send({ url: `http://127.0.0.1:${port}/v1/tasks`, apiKey, tasks: TASKS, atOnce: AT_ONCE } satisfies SubmitLoad);
      const [rate] = await once(load, 'message');
      return Number(rate);
    };
  };
  const ours = await rateOf(getRequestListener(api.app.fetch));
  const bare = await rateOf(getRequestListener(bareApp.fetch));
  return [await compare({ name: 'submit', unit: 'tasks/s', ours, bare })];
};

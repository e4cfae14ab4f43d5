import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { Redis } from 'ioredis';
import { openCache } from '../platform/open-cache.ts';
import { startRedis } from '../test/servers/redis.ts';
import { createTestApi, submitted } from '../test/support/api.ts';
import { compare, type Ratio } from './rounds.ts';
import { serve } from './status/serve.ts';

/** `GET` of a task through Redis, with the default limits of its owner, against Hono with one ioredis GET of as many bytes. */
export const run = async (): Promise<readonly Ratio[]> => {
  const server = await startRedis();
  const quiet = { info: () => {}, warn: () => {}, error: () => {} };
  const settings = { CODEBAY_REDIS_URL: server.url, CODEBAY_REDIS_PREFIX: 'codebay:', CODEBAY_REDIS_TIMEOUT_MS: 80 };
  const cache = await openCache({ CODEBAY_CACHE: 'redis', ...settings }, quiet);
  const ownerLimits = { requestsPerMinute: 100_000_000, submissionsPerMinute: 600, tasks: 1000 };
  const api = await createTestApi({ cache, options: { ownerLimits }, override: () => ({ log: quiet }) });
  const id = await submitted(api, { status: 'PROCESSING', phase: 'RUNNING_AGENT' });
  const path = `/v1/tasks/${id}`;
  const redis = new Redis(server.url);
  await redis.set('bare', await (await api.request(path)).text());
  const bareApp = new Hono().get('/v1/tasks/:id', async (c) =>
    c.body((await redis.get('bare')) ?? '', 200, { 'content-type': 'application/json' }),
  );
  const load = fork(fileURLToPath(new URL('./status/load.ts', import.meta.url)));
  const headers = { authorization: `Bearer ${api.key}` };
  const ours = await serve(getRequestListener(api.app.fetch), load, path, headers);
  const bare = await serve(getRequestListener(bareApp.fetch), load, path, headers);
  try {
    return [
      await compare({ name: 'status-redis', unit: 'requests/s', ours: ours.requestsPerSecond, bare: bare.requestsPerSecond }),
      await compare({
        name: 'status-redis-cpu',
        unit: 'requests/CPU s',
        ours: ours.requestsPerCpuSecond,
        bare: bare.requestsPerCpuSecond,
      }),
    ];
  } finally {
    load.disconnect();
    ours.close();
    bare.close();
    redis.disconnect();
    await api.close();
    cache.close();
    await server.stop();
  }
};

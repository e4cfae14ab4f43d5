import { startRedis } from '../test/servers/redis.ts';
import { createDataFolder, startApi } from '../test/support/api-process.ts';
import { against, type Ratio } from './rounds.ts';

const PER_SECOND = 200;
const SECONDS = 5;
const ROUNDS = 3;
const ALLOWED_MS = 25;

const p99 = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN;

/** `GET` of a task at 200 requests a second, sent on time whatever is still under way, from an API whose Redis was killed: the 99th percentile against 25 ms. */
export const run = async (): Promise<readonly Ratio[]> => {
  const redis = await startRedis();
  const data = await createDataFolder();
  const source = { type: 'git', url: 'https://example.com/team/app.git' } as const;
  await data.stores.tasks.insert({ id: 'polled', owner: 'ada', spec: { source, prompt: 'Fix it.', mode: 'modify' } });
  const api = await startApi(data.folder, {
    CODEBAY_CACHE: 'redis',
    CODEBAY_REDIS_URL: redis.url,
    CODEBAY_OWNER_REQUESTS_PER_MINUTE: '0',
    CODEBAY_LOG_LEVEL: 'warn',
  });
  const ask = async (): Promise<number> => {
    const begunAt = performance.now();
    const response = await fetch(`${api.url}/v1/tasks/polled`, { headers: { authorization: `Bearer ${data.apiKey}` } });
    if (response.status !== 200) throw new Error(`the answer was ${response.status}`);
    await response.text();
    return performance.now() - begunAt;
  };
  const round = async (): Promise<number> => {
    const asked: Promise<number>[] = [];
    const begunAt = performance.now();
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const due = Math.min(PER_SECOND * SECONDS, ((performance.now() - begunAt) / 1000) * PER_SECOND);
        while (asked.length < due) asked.push(ask());
        if (asked.length < PER_SECOND * SECONDS) return;
        clearInterval(timer);
        resolve();
      }, 1);
    });
    return p99(await Promise.all(asked));
  };
  try {
    await round();
    await redis.kill();
    const measured: number[] = [];
    for (let n = 0; n < ROUNDS; n += 1) measured.push(await round());
    return [against('status-fallback-p99', 'ms', ALLOWED_MS, measured)];
  } finally {
    await api.stop();
    await data.remove();
    await redis.stop();
  }
};

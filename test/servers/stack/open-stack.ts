import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { apiEnvironment, workerEnvironment } from '../../../cli/up/environment.ts';
import { writeOnce } from '../../../platform/sandbox/atomic-file.ts';
import { dataPaths } from '../../../platform/settings.ts';
import { openSqliteStore } from '../../../platform/sqlite.ts';
import { startEntry } from '../entry-process.ts';
import { startNginx } from '../nginx.ts';
import { freePort } from '../server-process.ts';
import { startTemporalDev } from '../temporal-dev.ts';
import { type Backend, startBackends } from './backends.ts';

const REPLICAS = 2;
const WORKERS = 2;
const apiReady = z.object({ port: z.int(), gateway_port: z.int() });

export interface Stack extends AsyncDisposable {
  readonly url: string;
  readonly apiKey: string;
  readonly temporalUi: string;
  readonly folder: string;
  readonly backends: readonly Backend[];
  /** Of the processes that may be killed to see what happens. */
  readonly pids: { readonly apis: readonly number[]; readonly workers: readonly number[] };
}

const firstKey = async (store: string): Promise<string> => {
  const stores = await openSqliteStore(store);
  try {
    return await stores.apiKeys.create('default', 'npm run stack');
  } finally {
    await stores.close();
  }
};

/** Starts everything in the order in which it depends on each other, and ends it the other way round. */
export const openStack = async (env: Readonly<Record<string, string | undefined>>, say: (line: string) => void): Promise<Stack> => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'codebay-stack-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const paths = dataPaths(folder);
  await mkdir(paths.logs, { mode: 0o700 });
  await writeOnce(paths.secret, randomBytes(32).toString('hex'));

  say('Starting the servers …');
  const backends = await startBackends(stack);
  const temporal = await startTemporalDev(folder);
  stack.defer(() => temporal.stop());
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const settings = {
    ...backends.settings,
    CODEBAY_DATA: folder,
    CODEBAY_SECRET_FILE: paths.secret,
    CODEBAY_PUBLIC_URL: url,
    TEMPORAL_ADDRESS: temporal.address,
  };

  say(`Starting ${REPLICAS} replicas of the API behind nginx, and ${WORKERS} workers …`);
  const start = async (entry: string, name: string, environment: Readonly<Record<string, string>>) => {
    const started = await startEntry({ entry, env: environment, logFile: join(paths.logs, `${name}.log`) });
    stack.defer(() => started.stop());
    return started;
  };
  const apiEnv = apiEnvironment(env, { ...settings, CODEBAY_PORT: '0', CODEBAY_GATEWAY_PORT: '0' });
  const apis = await Promise.all(Array.from({ length: REPLICAS }, (_, n) => start('api/server.ts', `api-${n + 1}`, apiEnv)));
  const ports = apis.map(({ ready }) => apiReady.parse(ready));
  const nginx = await startNginx({
    port,
    apiPorts: ports.map((one) => one.port),
    gatewayPorts: ports.map((one) => one.gateway_port),
  });
  stack.defer(() => nginx.stop());
  const workerEnv = workerEnvironment(env, { ...settings, CODEBAY_GATEWAY_URL: nginx.gatewayUrl ?? '' });
  const workers = await Promise.all(Array.from({ length: WORKERS }, (_, n) => start('temporal/worker.ts', `worker-${n + 1}`, workerEnv)));

  const apiKey = await firstKey(paths.store);
  const owned = stack.move();
  return {
    url,
    apiKey,
    temporalUi: temporal.uiUrl,
    folder,
    backends: backends.shown,
    pids: { apis: apis.map(({ pid }) => pid), workers: workers.map(({ pid }) => pid) },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};

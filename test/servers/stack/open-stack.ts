import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiEnvironment, workerEnvironment } from '../../../cli/up/environment.ts';
import { writeOnce } from '../../../platform/sandbox/atomic-file.ts';
import { dataPaths } from '../../../platform/settings.ts';
import { openSqliteStore } from '../../../platform/sqlite.ts';
import { type CodebayProcess, codebayProcess } from '../codebay-process.ts';
import { startNginx } from '../nginx.ts';
import { freePort } from '../server-process.ts';
import { startTemporalServer } from '../temporal.ts';
import { type Backend, startBackends } from './backends.ts';

const REPLICAS = 2;
const WORKERS = 2;

export interface Stack extends AsyncDisposable {
  readonly url: string;
  readonly apiKey: string;
  readonly temporalUi: string;
  readonly folder: string;
  readonly backends: readonly Backend[];
  readonly apis: readonly CodebayProcess[];
  readonly workers: readonly CodebayProcess[];
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
  const temporal = await startTemporalServer();
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
    const started = codebayProcess({ name, entry, env: environment, folder: paths.logs });
    stack.defer(async () => void (await started.stop()));
    await started.start();
    return started;
  };
  const ports = await Promise.all(Array.from({ length: REPLICAS }, async () => ({ api: await freePort(), gateway: await freePort() })));
  const apis = await Promise.all(
    ports.map(({ api, gateway }, n) => {
      const own = { CODEBAY_PORT: String(api), CODEBAY_GATEWAY_PORT: String(gateway) };
      return start('api/server.ts', `api-${n + 1}`, apiEnvironment(env, { ...settings, ...own }));
    }),
  );
  const nginx = await startNginx({ port, apiPorts: ports.map(({ api }) => api), gatewayPorts: ports.map(({ gateway }) => gateway) });
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
    apis,
    workers,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};

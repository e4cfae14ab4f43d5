import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { createLog } from '../platform/log.ts';
import { openObjects } from '../platform/open-objects.ts';
import { dataPaths, loadSettings, stationLimitsOf } from '../platform/settings.ts';
import { openSqliteStore } from '../platform/sqlite.ts';
import { createTemporalEngine } from '../temporal/engine.ts';
import { createStarter } from '../temporal/starter.ts';
import { createApp } from './app.ts';
import { createGateway } from './gateway/gateway.ts';
import { createSetupSecrets } from './gateway/run/setup-secrets.ts';
import { drain, listen } from './listener.ts';
import { createMetrics } from './metrics.ts';

const DRAIN_MS = 10_000;
/** The longest upload; Node's own five minutes are too short for a large zip on a slow line. */
const REQUEST_TIMEOUT_MS = 3600_000;
const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];

const settings = loadSettings(process.env);
const paths = dataPaths(settings.CODEBAY_DATA);
const log = createLog('api', settings.CODEBAY_LOG_LEVEL);
const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort());

const secret = (await readFile(paths.secret, 'utf8')).trim();
const stores = await openSqliteStore(paths.store);
// Lazy: a station whose Temporal is down still takes tasks.
const connection = Connection.lazy({ address: settings.TEMPORAL_ADDRESS });
const engine = createTemporalEngine({
  client: new Client({ connection, namespace: settings.TEMPORAL_NAMESPACE }),
  taskQueue: settings.CODEBAY_TASK_QUEUE,
});

const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS });
const port = await listen(server, settings.CODEBAY_PORT, settings.CODEBAY_HOST);
const authority = settings.CODEBAY_HOST.includes(':') ? `[${settings.CODEBAY_HOST}]` : settings.CODEBAY_HOST;
const publicUrl = settings.CODEBAY_PUBLIC_URL ?? `http://${authority}:${port}`;
const { objects, links } = await openObjects(settings, { publicUrl, secret });
const models = z.tuple([z.string()], z.string()).parse(settings.CODEBAY_MODELS);

const app = createApp({
  stores,
  objects,
  links,
  starter: createStarter({ tasks: stores.tasks, outbox: stores.outbox, engine, log }),
  engine,
  limits: stationLimitsOf(settings),
  options: {
    gitAllowedHosts: settings.CODEBAY_GIT_ALLOWED_HOSTS,
    models,
    prices: settings.CODEBAY_MODEL_PRICES,
    hostnames: LOOPBACK.includes(settings.CODEBAY_HOST) ? ['localhost', '127.0.0.1', '[::1]', new URL(publicUrl).hostname] : null,
  },
  log,
  metrics: createMetrics(stores.tasks),
  stopping: stopping.signal,
});
server.on('request', getRequestListener(app.fetch));

const gateway = createGateway({
  stores,
  objects,
  secret,
  options: {
    models,
    modelPrices: settings.CODEBAY_MODEL_PRICES,
    modelBaseUrl: settings.OPENAI_BASE_URL,
    modelApiKey: settings.OPENAI_API_KEY,
    modelTimeoutMs: settings.CODEBAY_MODEL_TIMEOUT_SECONDS * 1000,
    modelRetryMs: settings.CODEBAY_MODEL_RETRY_SECONDS * 1000,
    modelRequestsPerMinute: settings.CODEBAY_MODEL_REQUESTS_PER_MINUTE,
    artifactBytes: stationLimitsOf(settings).artifactBytes,
    egressHosts: settings.CODEBAY_EGRESS_HOSTS,
    egressPrivateHosts: settings.CODEBAY_EGRESS_PRIVATE_HOSTS,
  },
  setupSecrets: createSetupSecrets(settings.CODEBAY_SETUP_SECRETS_FILE),
  log,
});
const gatewayPort = await listen(gateway.server, settings.CODEBAY_GATEWAY_PORT, '127.0.0.1');

process.stdout.write(`${JSON.stringify({ ready: true, url: publicUrl, port, gateway_port: gatewayPort })}\n`);
if (!stopping.signal.aborted) await once(stopping.signal, 'abort');

await Promise.all([drain(server, DRAIN_MS), gateway.drain(DRAIN_MS)]);
await connection.close();
await stores.close();
log.info({}, 'the API has shut down');

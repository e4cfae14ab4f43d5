import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { createLog } from '../platform/log.ts';
import { openCache } from '../platform/open-cache.ts';
import { openObjects } from '../platform/open-objects.ts';
import { openStores } from '../platform/open-stores.ts';
import { outdatingStores } from '../platform/outdating-stores.ts';
import { loadSettings, setupCacheOf, stationLimitsOf } from '../platform/settings.ts';
import { readStationSecret } from '../platform/station-secret.ts';
import { createTemporalEngine } from '../temporal/engine.ts';
import { createStarter } from '../temporal/starter.ts';
import { createApp } from './app.ts';
import { createGateway } from './gateway/gateway.ts';
import { createSetupSecrets } from './gateway/run/setup-secrets.ts';
import { drain, listen } from './listener.ts';
import { createMetrics } from './metrics.ts';

/** The longest upload; Node's own five minutes are too short for a large zip on a slow line. */
const REQUEST_TIMEOUT_MS = 3600_000;
const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];

const settings = loadSettings(process.env);
const log = createLog('api', settings.CODEBAY_LOG_LEVEL);
const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort());

const secret = await readStationSecret(settings);
const cache = await openCache(settings, log);
const stores = outdatingStores(await openStores(settings, { notifications: cache.notifications }), cache.statusCache);
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
  statusCache: cache.statusCache,
  rates: cache.rates,
  objects,
  links,
  starter: createStarter({ tasks: stores.tasks, outbox: stores.outbox, engine, log }),
  engine,
  limits: stationLimitsOf(settings),
  options: {
    gitAllowedHosts: settings.CODEBAY_GIT_ALLOWED_HOSTS,
    models,
    prices: settings.CODEBAY_MODEL_PRICES,
    ownerLimits: {
      requestsPerMinute: settings.CODEBAY_OWNER_REQUESTS_PER_MINUTE,
      submissionsPerMinute: settings.CODEBAY_OWNER_SUBMISSIONS_PER_MINUTE,
      tasks: settings.CODEBAY_OWNER_MAX_TASKS,
    },
    hostnames: LOOPBACK.includes(settings.CODEBAY_HOST) ? ['localhost', '127.0.0.1', '[::1]', new URL(publicUrl).hostname] : null,
  },
  log,
  metrics: createMetrics(stores.tasks),
  stopping: stopping.signal,
});
server.on('request', getRequestListener(app.fetch));

const gateway = createGateway({
  stores,
  rates: cache.rates,
  locks: cache.locks,
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
    setupCache: setupCacheOf(settings),
    agentCommands: settings.CODEBAY_AGENT_COMMANDS,
    setupScripts: settings.CODEBAY_SETUP_SCRIPTS,
    setupBranches: settings.CODEBAY_SETUP_BRANCHES,
    egressHosts: settings.CODEBAY_EGRESS_HOSTS,
    egressPrivateHosts: settings.CODEBAY_EGRESS_PRIVATE_HOSTS,
  },
  setupSecrets: createSetupSecrets(settings.CODEBAY_SETUP_SECRETS_FILE),
  log,
});
const gatewayPort = await listen(gateway.server, settings.CODEBAY_GATEWAY_PORT, settings.CODEBAY_GATEWAY_HOST);

process.stdout.write(`${JSON.stringify({ ready: true, url: publicUrl, port, gateway_port: gatewayPort })}\n`);
if (!stopping.signal.aborted) await once(stopping.signal, 'abort');
await pause(settings.CODEBAY_DRAIN_NOTICE_SECONDS * 1000);

const graceMs = settings.CODEBAY_DRAIN_SECONDS * 1000;
await Promise.all([drain(server, graceMs), gateway.drain(graceMs)]);
await connection.close();
await stores.close();
cache.close();
log.info({}, 'the API has shut down');

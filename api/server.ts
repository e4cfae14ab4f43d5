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
import { loadSettings, stationLimitsOf } from '../platform/settings.ts';
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
const authority = settings.CODEBAY_HOST.includes(':') ? `[${settings.CODEBAY_HOST}]` : settings.CODEBAY_HOST;
const publicUrlAt = (port: number): string => settings.CODEBAY_PUBLIC_URL ?? `http://${authority}:${port}`;
const models = z.tuple([z.string()], z.string()).parse(settings.CODEBAY_MODELS);

/** What users reach. */
const serveApi = async () => {
  // Lazy: a station whose Temporal is down still takes tasks.
  const connection = Connection.lazy({ address: settings.TEMPORAL_ADDRESS });
  const engine = createTemporalEngine({
    client: new Client({ connection, namespace: settings.TEMPORAL_NAMESPACE }),
    taskQueue: settings.CODEBAY_TASK_QUEUE,
  });
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS });
  const port = await listen(server, settings.CODEBAY_PORT, settings.CODEBAY_HOST);
  const url = publicUrlAt(port);
  const { objects, links } = await openObjects(settings, { publicUrl: url, secret });
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
      hostnames: LOOPBACK.includes(settings.CODEBAY_HOST) ? ['localhost', '127.0.0.1', '[::1]', new URL(url).hostname] : null,
    },
    log,
    metrics: createMetrics(stores.tasks),
    stopping: stopping.signal,
  });
  server.on('request', getRequestListener(app.fetch));
  const end = async (graceMs: number): Promise<void> => {
    await drain(server, graceMs);
    await connection.close();
  };
  return { url, port, end };
};

/** What runs reach. */
const serveGateway = async () => {
  // Links are the API's to make.
  const { objects } = await openObjects(settings, { publicUrl: publicUrlAt(settings.CODEBAY_PORT), secret });
  const gateway = createGateway({
    stores,
    rates: cache.rates,
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
    stopping: stopping.signal,
  });
  const port = await listen(gateway.server, settings.CODEBAY_GATEWAY_PORT, settings.CODEBAY_GATEWAY_HOST);
  return { port, end: (graceMs: number) => gateway.drain(graceMs) };
};

const listeners = settings.CODEBAY_LISTENERS;
const api = listeners === 'gateway' ? null : await serveApi();
const gateway = listeners === 'api' ? null : await serveGateway();

const where = { url: api?.url ?? null, port: api?.port ?? null, gateway_port: gateway?.port ?? null };
process.stdout.write(`${JSON.stringify({ ready: true, ...where })}\n`);
if (!stopping.signal.aborted) await once(stopping.signal, 'abort');
await pause(settings.CODEBAY_DRAIN_NOTICE_SECONDS * 1000);

const graceMs = settings.CODEBAY_DRAIN_SECONDS * 1000;
await Promise.all([api?.end(graceMs), gateway?.end(graceMs)]);
await stores.close();
cache.close();
log.info({ listeners }, 'the API has shut down');

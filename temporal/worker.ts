import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { createActivities } from '../activities/create-activities.ts';
import { createCodeSource } from '../platform/git/code-source.ts';
import { createLog } from '../platform/log.ts';
import { openCache } from '../platform/open-cache.ts';
import { openObjects } from '../platform/open-objects.ts';
import { openResults, wantsResults } from '../platform/open-results.ts';
import { openRunner } from '../platform/open-runner.ts';
import { openStores } from '../platform/open-stores.ts';
import { outdatingStores } from '../platform/outdating-stores.ts';
import { openScratchFolder } from '../platform/scratch-folder.ts';
import { dataPaths, loadSettings, runLimitsOf, snapshotLimitsOf, stationLimitsOf } from '../platform/settings.ts';
import { readStationSecret } from '../platform/station-secret.ts';
import { answersInTime } from '../tasks/answers-in-time.ts';
import { connectWhenUp } from './connection.ts';
import { createTemporalEngine } from './engine.ts';
import { listenForHealth } from './health-listener.ts';
import { ensureOrphanSchedule } from './orphan-schedule.ts';
import { createResultSweeper } from './result-sweeper.ts';
import { ensureRetentionSchedule } from './retention-schedule.ts';
import { registerSearchAttributes } from './search-attributes.ts';
import { createSweeper } from './sweeper.ts';
import { createWorkerMetrics } from './worker-metrics.ts';
import { createWorkers } from './workers.ts';
import { workflowBundle } from './workflow-bundle.ts';

const STOP_GRACE_MS = 9_500;
const CHECK_MS = 1_000;
/** An id that no task gets. */
const PROBE_ID = 'readiness-probe';
const root = join(import.meta.dirname, '..');

const settings = loadSettings(process.env);
const paths = dataPaths(settings.CODEBAY_DATA);
const log = createLog('worker', settings.CODEBAY_LOG_LEVEL);
const draining = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => draining.abort());

Runtime.install({
  shutdownSignals: [],
  logger: new DefaultLogger('WARN', ({ level, message, meta }) => log[level === 'ERROR' ? 'error' : 'warn']({ ...meta }, message)),
});

const secret = await readStationSecret(settings);
const cache = await openCache(settings, log);
const stores = outdatingStores(
  await openStores(settings, { resultsDue: wantsResults(settings), notifications: cache.notifications }),
  cache.statusCache,
);
const resultFeed = await openResults(settings, log);
const gatewayUrl = settings.CODEBAY_GATEWAY_URL ?? `http://127.0.0.1:${settings.CODEBAY_GATEWAY_PORT}`;
const publicUrl = settings.CODEBAY_PUBLIC_URL ?? `http://${settings.CODEBAY_HOST}:${settings.CODEBAY_PORT}`;
const { objects } = await openObjects(settings, { publicUrl, secret });
const codeSource = createCodeSource({
  limits: stationLimitsOf(settings),
  allowedHosts: settings.CODEBAY_GIT_ALLOWED_HOSTS,
  tmpDir: await openScratchFolder(paths.scratch),
  environment: process.env,
});
const { runner, local, close: closeRunner } = await openRunner(settings, log, root);

const connection = await connectWhenUp(settings.TEMPORAL_ADDRESS, draining.signal);
const client = new Client({ connection, namespace: settings.TEMPORAL_NAMESPACE });
const taskQueue = settings.CODEBAY_TASK_QUEUE;
const runsQueue = settings.CODEBAY_RUNS_TASK_QUEUE ?? `${taskQueue}-runs`;
const engine = createTemporalEngine({ client, taskQueue });
await registerSearchAttributes(connection.operatorService, settings.TEMPORAL_NAMESPACE, draining.signal);
await ensureRetentionSchedule({ client, taskQueue, retentionDays: settings.CODEBAY_RETENTION_DAYS });
if (!local) await ensureOrphanSchedule({ client, taskQueue });

const workers = await createWorkers({
  connection,
  namespace: settings.TEMPORAL_NAMESPACE,
  queues: { steps: taskQueue, runs: runsQueue },
  polls: settings.CODEBAY_WORKER_POLLS,
  workflowBundle: async () => ({ codePath: await workflowBundle({ root, cacheDir: join(root, 'node_modules/.cache/codebay') }) }),
  activities: createActivities({
    stores,
    objects,
    runner,
    codeSource,
    resultFeed,
    engine,
    draining: draining.signal,
    gatewayUrl,
    secret,
    images: settings.CODEBAY_AGENT_IMAGES,
    slots: { max: settings.CODEBAY_MAX_RUNS, maxPerOwner: settings.CODEBAY_OWNER_MAX_RUNS || undefined },
    runsQueue,
    runLimits: runLimitsOf(settings),
    defaultOwner: settings.CODEBAY_DEFAULT_OWNER,
    snapshotLimits: snapshotLimitsOf(settings),
  }),
  maxSteps: settings.CODEBAY_WORKER_STEPS,
  maxRuns: settings.CODEBAY_WORKER_RUNS,
  drainSeconds: settings.CODEBAY_DRAIN_SECONDS,
});
const shutdown = (): void => {
  for (const worker of workers) worker.shutdown();
};
const sweeper = createSweeper({ ...stores, runner, objects, engine, log, by: randomUUID(), ownsRuns: local });
const publication = resultFeed && { outbox: stores.results, feed: resultFeed };
const resultSweeper = createResultSweeper({ publication, log, by: randomUUID() });
draining.signal.addEventListener('abort', shutdown, { once: true });
if (draining.signal.aborted) shutdown();

const isRunning = (): boolean => workers.every((worker) => worker.getState() === 'RUNNING') && !draining.signal.aborted;
const health =
  settings.CODEBAY_WORKER_PORT === undefined
    ? null
    : await listenForHealth({
        port: settings.CODEBAY_WORKER_PORT,
        host: settings.CODEBAY_HOST,
        metrics: createWorkerMetrics(isRunning),
        failing: async () => [
          ...((await answersInTime(stores.tasks.get(PROBE_ID), CHECK_MS)) ? [] : ['store']),
          ...(isRunning() ? [] : ['worker']),
        ],
        log,
      });

process.stdout.write(`${JSON.stringify({ ready: true, task_queue: taskQueue, port: health?.port ?? null })}\n`);
await Promise.all([...workers.map((worker) => worker.run()), sweeper.run(draining.signal), resultSweeper.run(draining.signal)]);

if (local && settings.CODEBAY_RUNS_ON_SHUTDOWN === 'stop')
  await Promise.all((await runner.list()).map((runId) => runner.stop(runId, STOP_GRACE_MS)));
closeRunner();
await health?.close();
await resultFeed?.close();
await connection.close();
await stores.close();
cache.close();
log.info({}, 'the worker has shut down');

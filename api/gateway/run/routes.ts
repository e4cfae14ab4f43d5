import { type Context, Hono } from 'hono';
import { codeKey } from '../../../tasks/object-keys.ts';
import {
  checkpointReportSchema,
  completionReportSchema,
  phaseReportSchema,
  type RunDescription,
  runEventsSchema,
} from '../../../tasks/run-protocol.ts';
import type { Admission, AdmittedRun } from '../admission.ts';
import { GatewayError, invalid } from '../gateway-error.ts';
import type { LiveWork } from '../live-work.ts';
import type { GatewayCaps, GatewayDeps } from '../options.ts';
import { createRate } from '../rate.ts';
import { readReport } from '../request-body.ts';
import { type GatewayEnv, sendObject } from '../send-stream.ts';
import type { Announce } from './announcer.ts';
import { createBlobs } from './blobs.ts';
import { createCompletion } from './completion.ts';
import { describeRun } from './describe-run.ts';
import { createMessageReader } from './messages.ts';
import { createPhaseChange } from './phase.ts';
import { createSetupRoutes } from './setup-routes.ts';

/** Events that a run may tell of itself; all others are the station's own facts. */
const RUN_EVENTS: ReadonlySet<string> = new Set(['log', 'run', 'checkpoint']);

const naturalQuery = (c: Context, name: string, fallback: number): number => {
  const text = c.req.query(name) ?? String(fallback);
  if (!/^\d{1,9}$/.test(text)) throw invalid(`${name}: must be a whole number`);
  return Number(text);
};

/** `/run/*`: what a run's sidecar asks and reports. */
export const createRunRoutes = (
  deps: Pick<GatewayDeps, 'stores' | 'objects' | 'locks' | 'options' | 'setupSecrets' | 'secret' | 'log'> & {
    readonly admission: Admission;
    readonly announce: Announce;
    readonly liveWork: LiveWork;
    readonly caps: GatewayCaps;
    readonly now: () => number;
    /** Aborts when the gateway drains: long polls end. */
    readonly draining: AbortSignal;
  },
): Hono<GatewayEnv> => {
  const { stores, objects, options, admission, caps } = deps;
  const blobs = createBlobs({
    objects,
    caps: {
      blobBytes: options.artifactBytes,
      blobsPerRun: caps.blobsPerRun,
      bytesPerRun: caps.blobBytesFactor * options.artifactBytes,
    },
  });
  const changePhase = createPhaseChange({ admission, runs: stores.runs, liveWork: deps.liveWork });
  const complete = createCompletion({ admission, runs: stores.runs, objects });
  const readMessages = createMessageReader({ mailbox: stores.mailbox, events: stores.events, announce: deps.announce });
  const blobRate = createRate('blobs', caps.blobsPerMinute, deps.now);
  const eventRate = createRate('events', caps.eventsPerMinute, deps.now);

  const identify = (c: Context): string => admission.identify(c.req.header('authorization'));
  const admit = (c: Context): Promise<AdmittedRun> => admission.admit(identify(c));
  const sha256Of = (c: Context): string => {
    const sha256 = c.req.param('sha256') ?? '';
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw invalid('sha256: must be 64 lower-case hex digits');
    return sha256;
  };

  return new Hono<GatewayEnv>()
    .get('/', async (c) => c.json<RunDescription>(describeRun(await admit(c), options)))
    .get('/code', async (c) => {
      const { task } = await admit(c);
      const code = await objects.get(codeKey(task.id));
      if (code === null) throw new GatewayError(404, 'NOT_FOUND', 'the code of this task is not staged');
      return sendObject(c, code, 'application/zstd');
    })
    .get('/blobs/:sha256', async (c) => sendObject(c, await blobs.get(await admit(c), sha256Of(c)), 'application/octet-stream'))
    .put('/blobs/:sha256', async (c) => {
      const { run } = await admit(c);
      const sha256 = sha256Of(c);
      blobRate.take(run.id);
      await blobs.put(run.id, sha256, c.req.raw);
      return c.body(null, 204);
    })
    .post('/phase', async (c) => {
      const { run } = await admit(c);
      await changePhase(run.id, (await readReport(c.req.raw, phaseReportSchema, caps.reportBytes)).phase);
      return c.body(null, 204);
    })
    .route('/setup', createSetupRoutes({ ...deps, changePhase }))
    .post('/events', async (c) => {
      const { run, task } = await admit(c);
      const { events } = await readReport(c.req.raw, runEventsSchema, caps.reportBytes);
      const foreign = events.find(({ event }) => !RUN_EVENTS.has(event.type));
      if (foreign !== undefined) throw invalid(`events: ${foreign.event.type} is not for runs to tell`);
      eventRate.take(run.id, events.length);
      await stores.events.append(
        task.id,
        run.id,
        events.map(({ source_seq, at, event }) => ({ ...event, source_seq, at })),
      );
      return c.body(null, 204);
    })
    .post('/checkpoints', async (c) => {
      const { run } = await admit(c);
      const report = await readReport(c.req.raw, checkpointReportSchema, caps.reportBytes);
      const checkpoint = { run_id: run.id, ...report };
      // Stale while the run is current: this checkpoint, or a later one, stands already, and the answer to it was lost.
      if ((await stores.runs.write(run.id, { checkpoint })) === 'stale') await admission.admit(run.id);
      return c.body(null, 204);
    })
    .get('/messages', async (c) => {
      const { task } = await admit(c);
      const afterSeq = naturalQuery(c, 'after', 0);
      const waitMs = Math.min(naturalQuery(c, 'wait', caps.messageWaitMs / 1000) * 1000, caps.messageWaitMs);
      const signal = AbortSignal.any([c.req.raw.signal, deps.draining, AbortSignal.timeout(waitMs)]);
      const messages = await readMessages(task.id, afterSeq, signal);
      return c.json({ messages: messages.map(({ seq, id, text }) => ({ seq, id, text })) });
    })
    .post('/complete', async (c) => {
      const runId = identify(c);
      await complete(runId, await readReport(c.req.raw, completionReportSchema, caps.reportBytes));
      blobs.forget(runId);
      const { run } = await admission.find(runId);
      await deps.liveWork.recheck(run.task_id);
      return c.body(null, 204);
    });
};

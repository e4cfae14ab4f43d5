import { type Context, Hono } from 'hono';
import { type SetupDecision, setupLeaseSchema, setupRequestSchema } from '../../../tasks/setup-protocol.ts';
import type { Admission, AdmittedRun } from '../admission.ts';
import { GatewayError, invalid } from '../gateway-error.ts';
import type { GatewayCaps, GatewayDeps } from '../options.ts';
import { readReport } from '../request-body.ts';
import { type GatewayEnv, sendObject } from '../send-stream.ts';
import type { Announce } from './announcer.ts';
import type { PhaseChange } from './phase.ts';
import { createSetup } from './setup.ts';
import { createSetupCache } from './setup-cache.ts';
import { isSetupCacheIdOf } from './setup-cache-id.ts';
import { createSetupPolicy } from './setup-policy.ts';

/** `/run/setup/*`: whether and how a run's set-up happens, and what is kept of it. */
export const createSetupRoutes = (
  deps: Pick<GatewayDeps, 'stores' | 'objects' | 'locks' | 'options' | 'setupSecrets' | 'secret' | 'log'> & {
    readonly admission: Admission;
    readonly announce: Announce;
    readonly changePhase: PhaseChange;
    readonly caps: GatewayCaps;
    readonly now: () => number;
  },
): Hono<GatewayEnv> => {
  const { admission, options, caps } = deps;
  const cache = options.setupCache && createSetupCache({ ...deps, snapshots: deps.stores.snapshots, options: options.setupCache });
  const setUp = createSetup({
    ...deps,
    policy: createSetupPolicy(options.setupScripts),
    readSecrets: deps.setupSecrets,
    branches: options.setupBranches,
    cache,
  });

  const identify = (c: Context): string => admission.identify(c.req.header('authorization'));
  const known = (owner: string, id: string) => {
    if (cache === null || !isSetupCacheIdOf(deps.secret, owner, id)) throw new GatewayError(404, 'NOT_FOUND', 'there is no such set-up');
    return { cache, id };
  };
  const admitInSetup = async (c: Context): Promise<AdmittedRun> => {
    const admitted = await admission.admit(identify(c));
    if (admitted.run.phase !== 'setup') throw new GatewayError(403, 'NOT_IN_SETUP', 'what set-up makes is kept and had during set-up only');
    return admitted;
  };

  return new Hono<GatewayEnv>()
    .post('/', async (c) => {
      const { run } = await admission.admit(identify(c));
      const request = await readReport(c.req.raw, setupRequestSchema, caps.reportBytes);
      return c.json<SetupDecision>(await setUp(run.id, request), 200, { 'cache-control': 'no-store' });
    })
    .post('/lease', async (c) => {
      const { task } = await admitInSetup(c);
      const lease = await readReport(c.req.raw, setupLeaseSchema, caps.reportBytes);
      await known(task.owner, lease.id).cache.lease(lease);
      return c.body(null, 204);
    })
    .get('/snapshots/:id', async (c) => {
      const { task } = await admitInSetup(c);
      const { cache, id } = known(task.owner, c.req.param('id'));
      return sendObject(c, await cache.open(task.owner, id), 'application/zstd');
    })
    .put('/snapshots/:id', async (c) => {
      const { task, run } = await admitInSetup(c);
      const { cache, id } = known(task.owner, c.req.param('id'));
      const sha256 = c.req.query('sha256') ?? '';
      if (!/^[0-9a-f]{64}$/.test(sha256)) throw invalid('sha256: must be 64 lower-case hex digits');
      // An agent must never have been there when it was made.
      await cache.save(task.owner, id, sha256, c.req.raw, async () => void (await admitInSetup(c)));
      deps.log.info({ task_id: task.id, run_id: run.id, id }, 'what set-up made is kept');
      return c.body(null, 204);
    });
};

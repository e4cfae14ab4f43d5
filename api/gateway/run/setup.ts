import { taskIdOfRun } from '../../../tasks/ids.ts';
import type { SetupCacheUse, SetupDecision, SetupRequest, SetupSecrets } from '../../../tasks/setup-protocol.ts';
import type { TaskRecord } from '../../../tasks/task.ts';
import type { Admission } from '../admission.ts';
import { GatewayError } from '../gateway-error.ts';
import type { GatewayLog } from '../options.ts';
import type { Announce } from './announcer.ts';
import type { PhaseChange } from './phase.ts';
import type { SetupCache } from './setup-cache.ts';
import { setupCacheId } from './setup-cache-id.ts';
import type { SetupPolicy } from './setup-policy.ts';
import type { ReadSetupSecrets } from './setup-secrets.ts';
import { isOnNamedBranch, secretScopeOf } from './setup-trust.ts';

const NO_CACHE: SetupCacheUse = { use: 'nothing' };

/** Decides about a run's set-up: a refused script never sees the phase that has network and secrets. */
export const createSetup = (deps: {
  readonly admission: Admission;
  readonly changePhase: PhaseChange;
  readonly announce: Announce;
  readonly policy: SetupPolicy;
  readonly readSecrets: ReadSetupSecrets;
  /** Branches whose tips may have secrets. */
  readonly branches: readonly string[];
  /** Null where it is off. */
  readonly cache: SetupCache | null;
  readonly secret: string;
  readonly log: GatewayLog;
}) => {
  const aboutSecrets = (names: readonly string[], trusted: boolean, sha256: string): string => {
    if (names.length === 0) return '';
    if (trusted) return ` with ${names.join(', ')}`;
    const branches = deps.branches.join(', ') || 'there is none';
    return ` without ${names.join(', ')}: the commit is not the tip of a named branch (${branches}), and the script's SHA-256 ${sha256} is not approved`;
  };
  const tell = async (
    runId: string,
    { script }: SetupRequest,
    change: 'allowed' | 'refused' | 'restored',
    detail: string,
  ): Promise<void> => {
    const taskId = taskIdOfRun(runId);
    const facts = { run_id: runId, script: script.path, sha256: script.sha256 };
    deps.log[change === 'refused' ? 'warn' : 'info']({ task_id: taskId, ...facts, detail }, `set-up is ${change}`);
    await deps.announce(taskId, `setup-${change}-${runId}`, { type: 'setup', data: { ...facts, change, detail } });
  };
  const lookInCache = async (task: TaskRecord, { script, cache }: SetupRequest, secrets: SetupSecrets, onNamedBranch: boolean) => {
    if (deps.cache === null || cache === undefined) return NO_CACHE;
    const id = setupCacheId(deps.secret, task, { script, cache, secrets, onNamedBranch });
    return deps.cache.look(task.owner, id, cache.may_wait);
  };

  return async (runId: string, request: SetupRequest): Promise<SetupDecision> => {
    const { script } = request;
    const { task } = await deps.admission.admit(runId);
    const verdict = deps.policy(script);
    if (!verdict.allowed) {
      const detail = `neither the path ${script.path} nor the SHA-256 ${script.sha256} of the set-up script is allowed here`;
      await tell(runId, request, 'refused', detail);
      return { decision: 'refused', detail };
    }
    const inScope = await deps.readSecrets(secretScopeOf(task));
    const onNamedBranch = isOnNamedBranch(task, deps.branches);
    const trusted = verdict.approved || onNamedBranch;
    const given = trusted ? inScope : {};
    const cache = await lookInCache(task, request, given, onNamedBranch);
    if (cache === null) return { decision: 'wait', detail: 'another run is at the same set-up' };
    await deps.changePhase(runId, 'setup');
    const restores = cache.use === 'restore';
    const detail = restores
      ? `set-up restored from cache (${script.path} was not run)`
      : `runs ${script.path}${aboutSecrets(Object.keys(inScope), trusted, script.sha256)}`;
    await tell(runId, request, restores ? 'restored' : 'allowed', detail);
    // Asked last: nothing stands between this check and the answer.
    const { run } = await deps.admission.admit(runId);
    if (run.phase !== 'setup') throw new GatewayError(403, 'NOT_IN_SETUP', 'set-up secrets are given during set-up only');
    return { decision: 'allowed', detail, secrets: restores ? {} : given, cache };
  };
};

import { taskIdOfRun } from '../../../tasks/ids.ts';
import type { SetupDecision, SetupRequest } from '../../../tasks/setup-protocol.ts';
import type { Admission } from '../admission.ts';
import { GatewayError } from '../gateway-error.ts';
import type { GatewayLog } from '../options.ts';
import type { Announce } from './announcer.ts';
import type { PhaseChange } from './phase.ts';
import type { SetupPolicy } from './setup-policy.ts';
import type { ReadSetupSecrets } from './setup-secrets.ts';
import { secretScopeOf, setupTrustOf } from './setup-trust.ts';

/** Decides about a run's set-up: a refused script never sees the phase that has network and secrets. Idempotent while set-up lasts. */
export const createSetup = (deps: {
  readonly admission: Admission;
  readonly changePhase: PhaseChange;
  readonly announce: Announce;
  readonly policy: SetupPolicy;
  readonly readSecrets: ReadSetupSecrets;
  /** Branches whose tips may have secrets. */
  readonly branches: readonly string[];
  readonly log: GatewayLog;
}) => {
  const aboutSecrets = (names: readonly string[], trusted: boolean, sha256: string): string => {
    if (names.length === 0) return '';
    if (trusted) return ` with ${names.join(', ')}`;
    return ` without ${names.join(', ')}: the commit is not the tip of a named branch (${deps.branches.join(', ') || 'there is none'}), and the script's SHA-256 ${sha256} is not approved`;
  };
  const tell = async (runId: string, { script }: SetupRequest, change: 'allowed' | 'refused', detail: string): Promise<void> => {
    const taskId = taskIdOfRun(runId);
    const facts = { run_id: runId, script: script.path, sha256: script.sha256 };
    deps.log[change === 'refused' ? 'warn' : 'info']({ task_id: taskId, ...facts, detail }, `set-up is ${change}`);
    await deps.announce(taskId, `setup-${change}-${runId}`, { type: 'setup', data: { ...facts, change, detail } });
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
    const secrets = await deps.readSecrets(secretScopeOf(task));
    await deps.changePhase(runId, 'setup');
    const trusted = setupTrustOf(task, verdict, deps.branches) !== 'none';
    const detail = `runs ${script.path}${aboutSecrets(Object.keys(secrets), trusted, script.sha256)}`;
    await tell(runId, request, 'allowed', detail);
    // Asked last: nothing stands between this check and the answer.
    const { run } = await deps.admission.admit(runId);
    if (run.phase !== 'setup') throw new GatewayError(403, 'NOT_IN_SETUP', 'set-up secrets are given during set-up only');
    return { decision: 'allowed', detail, secrets: trusted ? secrets : {} };
  };
};

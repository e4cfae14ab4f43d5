import { join } from 'node:path';
import type { SetupDecision } from '../../tasks/setup-protocol.ts';
import { keepSetup, restoreSetup, whileHeld } from './kept-setup.ts';
import { failed, type Outcome } from './outcome.ts';
import { openProgramLog, type ProgramLog } from './program-log.ts';
import type { DescribedRun } from './run-parts.ts';
import { runSetup } from './setup.ts';
import { findLeaks } from './setup-leaks.ts';
import { askForSetup } from './setup-request.ts';
import { findSetupScript } from './setup-script.ts';

type Allowed = Extract<SetupDecision, { readonly decision: 'allowed' }>;

const build = async (run: DescribedRun, script: string, { secrets, cache, detail }: Allowed, log: ProgramLog): Promise<Outcome | null> => {
  const { compartment, folders, order, life, redaction } = run;
  const say = (text: string): Promise<void> => log.write(Buffer.from(`* ${text}\n`));
  const work = async (): Promise<Outcome | null> => {
    redaction.add(Object.values(secrets));
    await say(detail);
    const sockets = join(folders.sockets, 'setup');
    const timeoutMs = order.limits.setupTimeMs;
    const failure =
      (await runSetup({ ...run, script, secrets, sockets, log, timeoutMs, signal: life.working })) ??
      // All that could be kept is among what is searched.
      (await findLeaks({ compartment, secrets, signal: life.working }));
    if (failure === null && cache.use === 'build') await keepSetup(run, cache, say);
    return failure;
  };
  return cache.use === 'build' ? whileHeld(run, cache, work) : work();
};

/** Sets the staged code up, or restores what a set-up like it made; null where it stands ready, or has no set-up. */
export const setUp = async (run: DescribedRun): Promise<Outcome | null> => {
  const { folders, order, life, description, compartment, environment } = run;
  const script = await findSetupScript(compartment, description.setup_script, life.working);
  if (script === null) return null;
  const first = await askForSetup(run, script, await environment(life.working));
  const log = await openProgramLog({ ...run, path: join(folders.scratch, 'setup.log'), maxBytes: order.limits.logBytes, stream: 'setup' });
  try {
    const kept = first.decision === 'allowed' && first.cache.use === 'restore' ? first.cache : null;
    if (kept !== null && (await restoreSetup(run, kept))) {
      await log.write(Buffer.from(`* ${first.detail}\n`));
      return null;
    }
    const decision = kept === null ? first : await askForSetup(run, script, null);
    if (decision.decision === 'refused') return failed('SETUP_REFUSED', decision.detail);
    return await build(run, script.path, decision, log);
  } finally {
    await log.close();
  }
};

import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { Blob } from '../../tasks/run.ts';
import { fetchBlob } from './fetch-blob.ts';
import { failed, type Outcome } from './outcome.ts';
import { openProgramLog } from './program-log.ts';
import type { DescribedRun } from './run-parts.ts';
import { runSetup } from './setup.ts';
import { findLeaks } from './setup-leaks.ts';
import { findSetupScript } from './setup-script.ts';
import { unpackStagedCode } from './staged-code.ts';

const setUp = async (run: DescribedRun): Promise<Outcome | null> => {
  const { gateway, folders, order, life, description, redaction, compartment } = run;
  const script = await findSetupScript(compartment, description.setup_script, life.working);
  if (script === null) return null;
  const begun = await gateway.beginSetup({ script }, life.working);
  if (begun.decision === 'refused') return failed('SETUP_REFUSED', begun.detail);
  const { secrets } = begun;
  redaction.add(Object.values(secrets));
  const log = await openProgramLog({ ...run, path: join(folders.scratch, 'setup.log'), maxBytes: order.limits.logBytes, stream: 'setup' });
  try {
    await log.write(Buffer.from(`* ${begun.detail}\n`));
    const sockets = join(folders.sockets, 'setup');
    const timeoutMs = order.limits.setupTimeMs;
    const failure = await runSetup({ ...run, script: script.path, secrets, sockets, log, timeoutMs, signal: life.working });
    return failure ?? (await findLeaks({ compartment, secrets, signal: life.working }));
  } finally {
    await log.close();
  }
};

/**
 * Fetches the code, runs set-up on it and then lays `delta` over it. In this order, so that set-up with its secrets and its network only
 * ever executes what was staged, never what an agent wrote. Returns set-up's failure, or null when the code stands ready.
 */
export const prepareCode = async (run: DescribedRun, delta: Blob | null): Promise<Outcome | null> => {
  const { life, workspace, folders, gateway } = run;
  const signal = life.working;
  await unpackStagedCode({ ...run, signal });
  await workspace.begin(signal);
  const failure = await setUp(run);
  if (failure !== null) return failure;
  await gateway.enterAgentPhase(signal);
  if (delta === null) return null;
  const stored = await fetchBlob({ gateway, signal }, delta, join(folders.scratch, 'restore.patch'));
  await workspace.restore(createReadStream(stored.path), signal);
  return null;
};

import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { Blob } from '../../tasks/run.ts';
import { fetchBlob } from './fetch-blob.ts';
import type { Outcome } from './outcome.ts';
import type { DescribedRun } from './run-parts.ts';
import { setUp } from './setup-phase.ts';
import { unpackStagedCode } from './staged-code.ts';

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

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../tasks/failure.ts';
import { SETUP_LEASE_MS, type SetupCacheUse } from '../../tasks/setup-protocol.ts';
import { fetchBlob } from './fetch-blob.ts';
import { GatewayRefusedError } from './gateway-error.ts';
import type { DescribedRun } from './run-parts.ts';
import { FileTooLargeError } from './scratch-file.ts';
import { packSetup, unpackSetup } from './setup-snapshot.ts';

type Kept = Extract<SetupCacheUse, { readonly use: 'restore' }>;
type Wanted = Extract<SetupCacheUse, { readonly use: 'build' }>;

/** Lays what another run's set-up made over the code; false where it is gone from the gateway. */
export const restoreSetup = async (run: DescribedRun, { id, sha256, size_bytes }: Kept): Promise<boolean> => {
  const { gateway, compartment, life, folders } = run;
  const path = join(folders.scratch, 'restored-setup.tar.zst');
  const source = { blob: (_: string, signal: AbortSignal) => gateway.setupSnapshot(id, signal) };
  try {
    await fetchBlob({ gateway: source, signal: life.working }, { sha256, size_bytes }, path);
    await unpackSetup(compartment, path, life.working);
    return true;
  } catch (error) {
    if (!(error instanceof GatewayRefusedError)) throw error;
    run.note(`the cached set-up could not be had: ${error.message}`);
    return false;
  } finally {
    await rm(path, { force: true });
  }
};

/** Offers what set-up made to other runs, where it can be had again from it alone. */
export const keepSetup = async (run: DescribedRun, { id, max_bytes }: Wanted, say: (text: string) => Promise<void>): Promise<void> => {
  const { gateway, compartment, life, folders, workspace } = run;
  const path = join(folders.scratch, 'made-by-setup.tar.zst');
  try {
    const { delta } = await workspace.snapshot(life.working);
    if (delta !== null) return await say('not kept for other runs: set-up changed files that git does not ignore');
    const stored = await packSetup(compartment, path, max_bytes, life.working);
    await gateway.keepSetup(id, stored, life.working);
    await say(`kept for other runs: ${stored.blob.size_bytes} bytes`);
  } catch (error) {
    // Whatever it is, set-up itself has succeeded.
    if (!(error instanceof FileTooLargeError || error instanceof GatewayRefusedError || error instanceof FailureError)) throw error;
    await say(`not kept for other runs: ${error.message}`);
  } finally {
    await rm(path, { force: true });
  }
};

/** Others wait while the lease is held; one that can't be renewed only lets another run build the same. */
export const whileHeld = async <T>(run: DescribedRun, { id, lease }: Wanted, work: () => Promise<T>): Promise<T> => {
  const hold = (done: boolean): Promise<void> =>
    run.gateway
      .holdSetup({ id, lease, done }, AbortSignal.any([run.life.finishing, AbortSignal.timeout(SETUP_LEASE_MS / 3)]))
      .catch(() => undefined);
  const timer = setInterval(() => void hold(false), SETUP_LEASE_MS / 3);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await hold(true);
  }
};

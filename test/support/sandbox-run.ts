import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createCompartment } from '../../platform/sandbox/compartment.ts';
import type { ConfinementMode } from '../../platform/sandbox/confinement.ts';
import { confine, fillRunFolder, releaseConfinement } from '../../platform/sandbox/prepare.ts';
import { removeTree } from '../../platform/sandbox/remove-tree.ts';
import { readConfinement } from '../../platform/sandbox/run-folder.ts';
import type { RunLimits, RunOrder } from '../../tasks/run.ts';

const MiB = 1024 * 1024;
export const INSTALL = join(import.meta.dirname, '../..');
export const NODE = join(INSTALL, 'node_modules/.bin/node');

export const sandboxLimits = (limits: Partial<RunLimits> = {}): RunLimits => ({
  timeMs: 60_000,
  setupTimeMs: 60_000,
  memoryBytes: 256 * MiB,
  processes: 64,
  diskBytes: 1024 * MiB,
  logBytes: MiB,
  ...limits,
});

export const sandboxOrder = (runId: string, limits?: Partial<RunLimits>): RunOrder => ({
  runId,
  gatewayUrl: 'http://127.0.0.1:1',
  identity: `cbr_canary-identity-of-${runId}`,
  limits: sandboxLimits(limits),
});

/** Ends and removes what a run left, whoever made it. */
export const removeSandboxRun = async (path: string): Promise<void> => {
  const confinement = await readConfinement(path);
  if (confinement !== null) await releaseConfinement(confinement);
  await removeTree(path);
};

/** A run's folder and compartment without a sidecar. */
export const createSandboxRun = async (
  runsDir: string,
  runId: string,
  mode: ConfinementMode,
  limits?: Partial<RunLimits>,
  readable: readonly string[] = [],
) => {
  const path = join(runsDir, runId);
  const order = sandboxOrder(runId, limits);
  await mkdir(runsDir, { recursive: true });
  const confinement = await confine(path, order, { mode, install: INSTALL, node: NODE, readable });
  await fillRunFolder(path, order, confinement);
  const compartment = createCompartment({ path, order, confinement });
  return { path, confinement, compartment, remove: () => removeSandboxRun(path) };
};

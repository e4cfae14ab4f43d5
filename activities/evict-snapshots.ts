import { setupSnapshotPrefix } from '../tasks/object-keys.ts';
import type { ObjectStore } from '../tasks/ports/object-store.ts';
import type { SetupSnapshots } from '../tasks/ports/setup-snapshots.ts';

export interface SnapshotLimits {
  readonly ageMs: number;
  /** Of all snapshots together. */
  readonly totalBytes: number;
}

/** Removes the snapshots of set-ups that are too old or too many. The row goes last: an eviction that was cut off is simply done again. */
export const evictSnapshots = async (
  deps: {
    readonly snapshots: SetupSnapshots;
    readonly objects: Pick<ObjectStore, 'deletePrefix'>;
    readonly snapshotLimits: SnapshotLimits;
    readonly now: () => number;
  },
  onProgress: () => void,
): Promise<void> => {
  const { ageMs, totalBytes } = deps.snapshotLimits;
  for (const snapshot of await deps.snapshots.surplus({ createdBefore: deps.now() - ageMs, maxBytes: totalBytes })) {
    onProgress();
    await deps.objects.deletePrefix(setupSnapshotPrefix(snapshot));
    await deps.snapshots.remove(snapshot);
  }
};

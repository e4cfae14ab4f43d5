import type { Readable } from 'node:stream';
import { setupSnapshotKey } from '../../../tasks/object-keys.ts';
import type { Locks } from '../../../tasks/ports/locks.ts';
import { type ObjectStore, ObjectTooLargeError } from '../../../tasks/ports/object-store.ts';
import type { SetupSnapshot, SetupSnapshots } from '../../../tasks/ports/setup-snapshots.ts';
import { SETUP_LEASE_MS, type SetupCacheUse, type SetupLease } from '../../../tasks/setup-protocol.ts';
import { GatewayError, tooLarge } from '../gateway-error.ts';
import type { SetupCacheOptions } from '../options.ts';
import { bodyOf, checkedAgainst } from './checked-body.ts';

const lockOf = (id: string): string => `setup:${id}`;

export interface SetupCache {
  /** What there is under an id; where there is nothing, the caller builds it, unless it may wait for another one who does: null. */
  look(owner: string, id: string, mayWait: boolean): Promise<SetupCacheUse | null>;
  lease(lease: SetupLease): Promise<void>;
  /** Throws 404. */
  open(owner: string, id: string): Promise<{ readonly sizeBytes: number; readonly body: Readable }>;
  /** Stores a body under its hash, and makes it what is found. `mayStill` is asked when it is whole. */
  save(owner: string, id: string, sha256: string, request: Request, mayStill: () => Promise<void>): Promise<void>;
}

/** What set-ups made, for runs of the same owner that need the same. */
export const createSetupCache = (deps: {
  readonly snapshots: SetupSnapshots;
  readonly objects: ObjectStore;
  readonly locks: Locks;
  readonly options: SetupCacheOptions;
  readonly now: () => number;
}): SetupCache => {
  const { snapshots, objects, locks, options } = deps;

  const find = async (owner: string, id: string): Promise<SetupSnapshot | null> => {
    const snapshot = await snapshots.find(owner, id);
    if (snapshot === null || snapshot.created_at < deps.now() - options.ageMs) return null;
    if ((await objects.stat(setupSnapshotKey(snapshot))) !== null) return snapshot;
    // A bucket's lifecycle may have been quicker than we were.
    await snapshots.remove(snapshot);
    return null;
  };

  return {
    look: async (owner, id, mayWait) => {
      const snapshot = await find(owner, id);
      if (snapshot !== null) return { use: 'restore', id, sha256: snapshot.sha256, size_bytes: snapshot.size_bytes };
      const lease = await locks.lock(lockOf(id), SETUP_LEASE_MS);
      if (lease !== null) return { use: 'build', id, lease, max_bytes: options.snapshotBytes };
      return mayWait ? null : { use: 'nothing' };
    },
    lease: async ({ id, lease, done }) => {
      if (done) await locks.release(lockOf(id), lease);
      else await locks.renew(lockOf(id), lease, SETUP_LEASE_MS);
    },
    open: async (owner, id) => {
      const snapshot = await find(owner, id);
      const stored = snapshot && (await objects.get(setupSnapshotKey(snapshot)));
      if (stored === null) throw new GatewayError(404, 'NOT_FOUND', 'there is no such set-up any more');
      return stored;
    },
    save: async (owner, id, sha256, request, mayStill) => {
      const body = bodyOf(request);
      const checked = checkedAgainst(sha256);
      body.once('error', (error) => checked.destroy(error));
      try {
        const limits = { maxBytes: options.snapshotBytes, signal: request.signal };
        const { sizeBytes } = await objects.put(setupSnapshotKey({ id, sha256 }), body.pipe(checked), limits);
        await mayStill();
        await snapshots.save({ id, owner, sha256, size_bytes: sizeBytes });
      } catch (error) {
        if (error instanceof ObjectTooLargeError) throw tooLarge(`a set-up may leave ${error.maxBytes} bytes, compressed`);
        throw error;
      } finally {
        body.destroy();
      }
    },
  };
};

import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { createFilesystemStore } from '../../platform/filesystem.ts';
import { openSqliteStore } from '../../platform/sqlite.ts';
import { runBlobKey } from '../../tasks/object-keys.ts';
import type { Runner } from '../../tasks/ports/runner.ts';
import type { Blob, RunObservation } from '../../tasks/run.ts';
import type { TaskSpec } from '../../tasks/spec.ts';

export const spec: TaskSpec = { source: { type: 'git', url: 'https://example.com/a/b.git' }, prompt: 'Mend it', mode: 'modify' };

/** A fresh SQLite store and object folder, removed at the end of the scope. */
export const openStationData = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'codebay-data-'));
  const stores = await openSqliteStore(join(folder, 'store.db'));
  const objects = createFilesystemStore({ root: join(folder, 'objects'), publicUrl: 'http://station.test', secret: 'x'.repeat(64) });
  return {
    folder,
    stores,
    objects,
    /** A task's row with one run of it that holds a slot. */
    async taskWithRun(change: Partial<TaskSpec> = {}) {
      const taskId = randomUUID();
      await stores.tasks.insert({ id: taskId, owner: 'default', spec: { ...spec, ...change } });
      const runId = `${taskId}-a1`;
      await stores.runs.open({ id: runId, taskId, kind: 'agent', epoch: 1 });
      await stores.runs.claimSlot(runId, 100);
      return { taskId, runId };
    },
    /** A blob as a run uploads it. */
    async upload(runId: string, text: string): Promise<Blob> {
      const sha256 = createHash('sha256').update(text).digest('hex');
      await objects.put(runBlobKey(runId, sha256), Readable.from([text]));
      return { sha256, size_bytes: Buffer.byteLength(text) };
    },
    async [Symbol.asyncDispose]() {
      await stores.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** A runner that only remembers; a test says what it sees. */
export const createRecordingRunner = (observed: Record<string, RunObservation> = {}) => {
  const removed: string[] = [];
  const runner: Runner = {
    start: async () => undefined,
    observe: async (runId, { waitMs = 0, signal } = {}) => {
      if (observed[runId]?.state === 'running') await delay(waitMs, undefined, { signal }).catch(() => undefined);
      return observed[runId] ?? { state: 'absent' };
    },
    stop: async () => undefined,
    remove: async (runId) => {
      removed.push(runId);
      delete observed[runId];
    },
    list: async () => Object.keys(observed),
  };
  return { runner, removed };
};

import type { Readable } from 'node:stream';
import { runBlobKey } from '../../../tasks/object-keys.ts';
import { type ObjectStore, ObjectTooLargeError } from '../../../tasks/ports/object-store.ts';
import type { AdmittedRun } from '../admission.ts';
import { GatewayError, tooLarge } from '../gateway-error.ts';
import { bodyOf, checkedAgainst } from './checked-body.ts';

export interface BlobCaps {
  readonly blobBytes: number;
  readonly blobsPerRun: number;
  readonly bytesPerRun: number;
}

export interface Blobs {
  /** Stores a body under its hash. Repeating it is fine and counts once. */
  put(runId: string, sha256: string, request: Request): Promise<void>;
  /** From this run or, once its set-up is over, from the agent's runs of the same task; throws 404. */
  get(admitted: AdmittedRun, sha256: string): Promise<{ readonly sizeBytes: number; readonly body: Readable }>;
  forget(runId: string): void;
}

/** Blobs of runs, addressed by content. What a run has stored is counted in this process: a restart begins anew, the cap of each blob holds always. */
export const createBlobs = (deps: { readonly objects: ObjectStore; readonly caps: BlobCaps }): Blobs => {
  const stored = new Map<string, Map<string, number>>();
  const { blobBytes, blobsPerRun, bytesPerRun } = deps.caps;

  const roomFor = (known: ReadonlyMap<string, number>, sha256: string): number => {
    const others = [...known].filter(([key]) => key !== sha256);
    if (others.length >= blobsPerRun) throw tooLarge(`a run may store ${blobsPerRun} blobs`);
    return bytesPerRun - others.reduce((sum, [, sizeBytes]) => sum + sizeBytes, 0);
  };

  return {
    put: async (runId, sha256, request) => {
      const known = stored.get(runId) ?? new Map<string, number>();
      stored.set(runId, known);
      const maxBytes = Math.min(blobBytes, roomFor(known, sha256));
      const announced = Number(request.headers.get('content-length') ?? 0);
      if (announced > maxBytes) throw tooLarge(`the blob is larger than the ${maxBytes} bytes that are left to it`);
      // Counted before it is stored, so that blobs under way at the same time count too.
      known.set(sha256, Math.max(announced, known.get(sha256) ?? 0));
      const checked = checkedAgainst(sha256);
      const body = bodyOf(request);
      body.once('error', (error) => checked.destroy(error));
      try {
        const { sizeBytes } = await deps.objects.put(runBlobKey(runId, sha256), body.pipe(checked), { maxBytes, signal: request.signal });
        known.set(sha256, sizeBytes);
      } catch (error) {
        known.delete(sha256);
        if (error instanceof ObjectTooLargeError) throw tooLarge(`the blob is larger than the ${error.maxBytes} bytes that are left to it`);
        throw error;
      } finally {
        body.destroy();
      }
    },
    get: async ({ run, runs }, sha256) => {
      // What an agent changed never meets the network and the secrets of set-up: it can be had only when those are closed.
      const others = run.phase === 'agent' ? runs.filter((other) => other.id !== run.id && other.kind === 'agent') : [];
      const holders = [run, ...others];
      for (const { id } of holders) {
        const blob = await deps.objects.get(runBlobKey(id, sha256));
        if (blob !== null) return blob;
      }
      throw new GatewayError(404, 'NOT_FOUND', 'no run of this task stored such a blob');
    },
    forget: (runId) => {
      stored.delete(runId);
    },
  };
};

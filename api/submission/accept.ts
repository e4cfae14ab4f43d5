import type { Readable } from 'node:stream';
import { bodyHash } from '../../tasks/body-hash.ts';
import { uploadKey, uploadPrefix } from '../../tasks/object-keys.ts';
import { ObjectTooLargeError } from '../../tasks/ports/object-store.ts';
import type { TaskSpec } from '../../tasks/spec.ts';
import type { ApiDeps } from '../deps.ts';
import { ApiProblem } from '../problem.ts';
import type { Upload } from './multipart.ts';
import { createOwnerCapacity } from './owner-capacity.ts';
import { sha256Of } from './sha256.ts';

/** What came in, checked but for the zip that may still be on its way. */
export interface Submission {
  readonly owner: string;
  readonly spec: TaskSpec;
  /** Of a zip source. */
  readonly upload: (Upload & { readonly code: Readable }) | null;
  readonly signal: AbortSignal;
}

/** Stores the zip, makes the row and starts the task under a given id. */
export interface Acceptance {
  /** Returns the hash of the whole body. What throws has left nothing behind, or a row that will be started. */
  accept(id: string, submission: Submission): Promise<string>;
  /** As `accept`, for an id that an earlier request with the same key may have made a row for before it died. */
  resume(id: string, submission: Submission): Promise<string>;
  /** Whether a row stands, or may stand, under the id after `accept` threw. */
  mayExist(id: string): Promise<boolean>;
}

export const mismatch = (): ApiProblem =>
  new ApiProblem('IDEMPOTENCY_MISMATCH', 'The Idempotency-Key belongs to a submission with other fields or another zip.');

export const createAcceptance = ({ stores, objects, starter, limits, options, metrics }: ApiDeps): Acceptance => {
  const checkCapacity = createOwnerCapacity(stores.load, options.ownerLimits);

  const store = async (id: string, upload: NonNullable<Submission['upload']>, signal: AbortSignal): Promise<string> => {
    try {
      const { sha256 } = await objects.put(uploadKey(id), upload.code, { maxBytes: limits.zipBytes, signal });
      await upload.finished;
      return sha256;
    } catch (error) {
      if (error instanceof ObjectTooLargeError) {
        throw new ApiProblem('ZIP_TOO_LARGE', `The zip is larger than ${limits.zipBytes} bytes.`, { cause: error });
      }
      throw upload.failure() ?? error;
    }
  };

  const mayExist = (id: string): Promise<boolean> =>
    stores.tasks.get(id).then(
      (row) => row !== null,
      () => true,
    );

  const accept = async (id: string, { owner, spec, upload, signal }: Submission): Promise<string> => {
    await checkCapacity(owner);
    try {
      const zipSha256 = upload === null ? null : await store(id, upload, signal);
      if ((await starter.submit({ id, owner, spec })) === 'erased') throw new ApiProblem('ERASED', 'The task of this key was erased.');
      metrics.submitted();
      return bodyHash(spec, zipSha256);
    } catch (error) {
      if (upload !== null && !(await mayExist(id))) await objects.deletePrefix(uploadPrefix(id));
      throw error;
    }
  };

  const resume = async (id: string, submission: Submission): Promise<string> => {
    const { spec, upload } = submission;
    const row = await stores.tasks.get(id);
    if (row === null) return accept(id, submission);
    // The workflow may be reading the zip of the request that died: it is compared, never replaced.
    const zipSha256 = upload === null ? null : await sha256Of(upload.code);
    const stored = upload === null ? null : await objects.get(uploadKey(id));
    const storedSha256 = stored === null ? zipSha256 : await sha256Of(stored.body);
    const hash = bodyHash(spec, zipSha256);
    if (hash !== bodyHash(row.spec, storedSha256)) throw mismatch();
    return hash;
  };

  return { accept, resume, mayExist };
};

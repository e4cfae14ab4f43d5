import { bodyHash } from '../../tasks/body-hash.ts';
import { newTaskId } from '../../tasks/new-task-id.ts';
import type { TaskRecord } from '../../tasks/task.ts';
import type { ApiDeps } from '../deps.ts';
import { ApiProblem } from '../problem.ts';
import { createAcceptance, mismatch, type Submission } from './accept.ts';
import { holdLease } from './idempotency-lease.ts';
import { sha256Of } from './sha256.ts';

const LEASE_MS = 30_000;

export interface Submitted {
  readonly task: TaskRecord;
  /** The same key and body were answered before. */
  readonly replayed: boolean;
}

/** Takes submissions, each Idempotency-Key once: whatever dies in between, a key leads to one task. */
export const createSubmit = (deps: ApiDeps): ((submission: Submission, key: string | null) => Promise<Submitted>) => {
  const { stores, log, options } = deps;
  const { accept, resume, mayExist } = createAcceptance(deps);
  const leaseMs = options.leaseMs ?? LEASE_MS;

  const found = async (id: string, replayed: boolean): Promise<Submitted> => {
    const task = await stores.tasks.get(id);
    if (task === null) throw new ApiProblem('ERASED', 'The task of this submission was erased.');
    return { task, replayed };
  };

  const underLease = async (id: string, takenOver: boolean, submission: Submission, key: string): Promise<Submitted> => {
    await using lease = holdLease(stores.idempotency, log, submission.owner, key, leaseMs);
    try {
      await lease.complete(await (takenOver ? resume : accept)(id, submission));
    } catch (error) {
      // A row that may exist keeps its key until the lease lapses; the next request takes the same id over.
      if (!(await mayExist(id))) await lease.release();
      throw error;
    }
    return found(id, false);
  };

  return async (submission, key) => {
    if (key === null) {
      const id = newTaskId();
      await accept(id, submission);
      return found(id, false);
    }
    const admission = await stores.idempotency.reserve(submission.owner, key, newTaskId(), leaseMs);
    switch (admission.outcome) {
      case 'reserved':
        return underLease(admission.taskId, admission.takenOver, submission, key);
      case 'replay':
        return found(admission.taskId, true);
      case 'compare': {
        const zipSha256 = submission.upload === null ? null : await sha256Of(submission.upload.code);
        if (bodyHash(submission.spec, zipSha256) !== admission.bodySha256) throw mismatch();
        return found(admission.taskId, true);
      }
      case 'mismatch':
        throw mismatch();
      case 'in_progress':
        throw new ApiProblem('IDEMPOTENCY_IN_PROGRESS', 'The first request with this key has not ended yet.', {
          retryAfterMs: admission.retryAfterMs,
        });
    }
  };
};

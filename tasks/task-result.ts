import { v5 as uuidv5 } from 'uuid';
import { z } from 'zod';
import { ARTIFACTS, type ArtifactName } from './artifacts.ts';
import { FAILURES, type FailureReason } from './failure.ts';
import { taskIdSchema, taskSpecSchema } from './spec.ts';
import { isTerminal } from './status.ts';
import type { TaskRecord } from './task.ts';

const keysOf = <K extends string>(table: Record<K, unknown>): [K, ...K[]] => Object.keys(table) as [K, ...K[]];

/** Of the ids made here, so that no other program's names give the same ones. */
const NAMESPACE = '6f0f6c6e-3a55-4d0e-9a0b-4f4a8f1d7c21';

/** Details may quote logs; whole they stand in the task. A result must fit into a message whatever happened. */
const DETAIL_MAX_LENGTH = 4000;

/** How a task ended, as it is told to other systems. Readers ignore fields that they don't know. */
export const taskResultSchema = z.object({
  /** The same however often the result is sent: readers drop what they have seen. */
  event_id: z.uuid(),
  task_id: taskIdSchema,
  owner: z.string(),
  status: z.enum(['COMPLETED', 'FAILED', 'CANCELLED']),
  failure: z.object({ reason: z.enum(keysOf(FAILURES) satisfies FailureReason[]), detail: z.string() }).nullable(),
  verification: z
    .object({
      status: z.enum(['passed', 'failed', 'unverified']),
      command: z.string().nullable(),
      exit_code: z.int().nullable(),
      detail: z.string(),
    })
    .nullable(),
  /** Fetched from the API by name, under /v1/tasks/<task_id>/artifacts/. */
  artifacts: z.array(z.object({ name: z.enum(keysOf(ARTIFACTS) satisfies ArtifactName[]), size_bytes: z.int(), sha256: z.string() })),
  pull_request: z.null(),
  /** The commit that the task worked on; null for zips and where it was never known. */
  commit: z.string().nullable(),
  /** As the task was submitted with. */
  labels: taskSpecSchema.shape.labels.unwrap(),
  created_at: z.iso.datetime(),
  finished_at: z.iso.datetime(),
});
export type TaskResult = z.output<typeof taskResultSchema>;

/** The result of an ended task; throws for one that hasn't ended. */
export const taskResultOf = (task: TaskRecord): TaskResult => {
  const { id, owner, status, failure, verification, artifacts, commit, spec, created_at, finished_at } = task;
  if (!isTerminal(status) || finished_at === null) throw new Error(`task ${id} has no result yet`);
  return {
    event_id: uuidv5(`${id}\nresult`, NAMESPACE),
    task_id: id,
    owner,
    status,
    failure: failure && { ...failure, detail: failure.detail.slice(0, DETAIL_MAX_LENGTH) },
    verification: verification && { ...verification, detail: verification.detail.slice(0, DETAIL_MAX_LENGTH) },
    artifacts: [...artifacts],
    pull_request: null,
    commit,
    labels: spec.labels ?? {},
    created_at: new Date(created_at).toISOString(),
    finished_at: new Date(finished_at).toISOString(),
  };
};

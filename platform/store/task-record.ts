import type { TaskPhase } from '../../tasks/status.ts';
import { isTerminal } from '../../tasks/status.ts';
import type { TaskProgress, TaskRecord } from '../../tasks/task.ts';
import type { StoreDatabase } from './database.ts';
import { decode, decodeNullable, encode } from './json-text.ts';
import type { TaskRow } from './schema.ts';

export const toTaskRecord = (row: TaskRow): TaskRecord => ({
  id: row.id,
  owner: row.owner,
  spec: decode(row.spec),
  status: row.status,
  phase: row.phase,
  waiting_for: row.waiting_for,
  failure: decodeNullable(row.failure),
  commit: row.commit_id,
  branch: row.branch,
  verification: decodeNullable(row.verification),
  artifacts: decode(row.artifacts),
  revision: row.revision,
  cancel_requested: row.cancel_requested_at !== null,
  start_acknowledged: row.start_acknowledged === 1,
  timings: decode(row.timings),
  created_at: row.created_at,
  started_at: row.started_at,
  finished_at: row.finished_at,
  updated_at: row.updated_at,
});

const withEntry = (timings: TaskRecord['timings'], phase: TaskPhase | null | undefined, now: number): TaskRecord['timings'] =>
  phase === null || phase === undefined || timings[phase] !== undefined ? timings : { ...timings, [phase]: now };

/** What every terminal write sets beside the end itself: a claim on the living task must not hold up its result. */
export const endColumns = ({ resultsDue }: StoreDatabase, now: number): Partial<TaskRow> => ({
  claimed_until: 0,
  result_due_at: resultsDue ? now : null,
});

/** The columns that a patch of the workflow changes, with the stamps that follow from it. Parts that the patch leaves out stay. */
export const patchColumns = (row: TaskRow, patch: Partial<TaskProgress>, now: number): Partial<TaskRow> => ({
  ...(patch.status === undefined ? {} : { status: patch.status }),
  ...(patch.phase === undefined ? {} : { phase: patch.phase }),
  ...(patch.waiting_for === undefined ? {} : { waiting_for: patch.waiting_for }),
  ...(patch.failure === undefined ? {} : { failure: patch.failure && encode(patch.failure) }),
  ...(patch.commit === undefined ? {} : { commit_id: patch.commit }),
  ...(patch.branch === undefined ? {} : { branch: patch.branch }),
  ...(patch.verification === undefined ? {} : { verification: patch.verification && encode(patch.verification) }),
  ...(patch.artifacts === undefined ? {} : { artifacts: encode(patch.artifacts) }),
  timings: encode(withEntry(decode(row.timings), patch.phase, now)),
  started_at: row.started_at ?? (patch.status === 'PROCESSING' ? now : null),
  finished_at: patch.status !== undefined && isTerminal(patch.status) ? now : null,
  updated_at: now,
});

import type { Artifact } from '../../tasks/artifacts.ts';
import type { NewEvent } from '../../tasks/events.ts';
import type { TaskFailure } from '../../tasks/failure.ts';
import type { RunKind } from '../../tasks/ids.ts';
import type { EgressEntry } from '../../tasks/ports/egress-ledger.ts';
import type { Checkpoint, Completion, RunPhase } from '../../tasks/run.ts';
import type { TaskSpec } from '../../tasks/spec.ts';
import type { TaskPhase, TaskStatus, WaitingFor } from '../../tasks/status.ts';
import type { TaskRecord, Verification } from '../../tasks/task.ts';
import type { JsonText } from './json-text.ts';

/** Neither database has a boolean that the other reads back as one. */
export type Flag = 0 | 1;

export interface TaskRow {
  id: string;
  owner: string;
  spec: JsonText<TaskSpec>;
  repo: string;
  status: TaskStatus;
  phase: TaskPhase | null;
  waiting_for: WaitingFor | null;
  failure: JsonText<TaskFailure> | null;
  commit_id: string | null;
  branch: string | null;
  verification: JsonText<Verification> | null;
  artifacts: JsonText<readonly Artifact[]>;
  revision: number;
  timings: JsonText<TaskRecord['timings']>;
  start_acknowledged: Flag;
  cancel_requested_at: number | null;
  /** The number of the task's newest event. */
  last_event_seq: number;
  claim_token: string | null;
  claimed_until: number;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
  updated_at: number;
  /** Since when the task's result waits to be published; null once it is, and where nobody wants it. */
  result_due_at: number | null;
}

interface TombstoneRow {
  task_id: string;
  erased_at: number;
}

interface EventRow {
  task_id: string;
  seq: number;
  source: string;
  source_seq: number;
  at: number;
  event: JsonText<NewEvent>;
}

export interface RunRow {
  id: string;
  task_id: string;
  kind: RunKind;
  epoch: number;
  phase: RunPhase;
  checkpoint: JsonText<Checkpoint> | null;
  completion: JsonText<Completion> | null;
  created_at: number;
  granted_at: number | null;
  ended_at: number | null;
}

interface LedgerRow {
  id: string;
  task_id: string;
  run_id: string;
  turn: number;
  request_sha256: string;
  model: string;
  state: 'reserved' | 'reported' | 'estimated';
  reserved_tokens: number;
  reserved_cost_micros: number | null;
  input_tokens: number;
  output_tokens: number;
  cost_micros: number | null;
  journaled: Flag;
  created_at: number;
}

interface MessageRow {
  task_id: string;
  seq: number;
  id: string;
  text: string;
  at: number;
}

interface EgressRow {
  id: string;
  task_id: string;
  entry: JsonText<EgressEntry>;
}

interface ApiKeyRow {
  sha256: string;
  owner: string;
  created_at: number;
  label: string | null;
  /** Written at most once an hour. */
  last_used_at: number | null;
  revoked_at: number | null;
}

interface IdempotencyKeyRow {
  owner: string;
  /** Of the key: keys are the client's text, of any length. */
  key_sha256: string;
  task_id: string;
  /** Null until the submission is answered. */
  body_sha256: string | null;
  leased_until: number;
  kept_until: number;
}

export interface SetupSnapshotRow {
  id: string;
  owner: string;
  sha256: string;
  size_bytes: number;
  created_at: number;
  used_at: number;
}

interface LockRow {
  name: 'slots';
}

interface SlotTurnRow {
  owner: string;
  /** Counts the grants of slots; this is the owner's latest. */
  turn: number;
}

interface ChangeCounterRow {
  channel: number;
  changes: number;
}

/** The tables as Kysely sees them; `migrations.ts` makes them. */
export interface StoreSchema {
  tasks: TaskRow;
  tombstones: TombstoneRow;
  events: EventRow;
  runs: RunRow;
  ledger: LedgerRow;
  messages: MessageRow;
  egress: EgressRow;
  api_keys: ApiKeyRow;
  idempotency_keys: IdempotencyKeyRow;
  setup_snapshots: SetupSnapshotRow;
  locks: LockRow;
  slot_turns: SlotTurnRow;
  change_counters: ChangeCounterRow;
}

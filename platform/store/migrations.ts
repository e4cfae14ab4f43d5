/*
 * One statement a step, because MySQL's DDL isn't transactional; never edited once released, only added to.
 * The SQL is what SQLite and MySQL have in common: times are milliseconds in BIGINT, JSON is text.
 * Every row of a task hangs on its row in `tasks`, so that erasing that one row erases all.
 */
export const MIGRATIONS: readonly string[] = [
  `create table if not exists tasks (
    id varchar(40) not null primary key,
    owner varchar(64) not null,
    spec mediumtext not null,
    repo varchar(2048) not null,
    status varchar(16) not null,
    phase varchar(32),
    waiting_for varchar(16),
    failure mediumtext,
    commit_id varchar(64),
    verification mediumtext,
    artifacts mediumtext not null,
    revision bigint not null,
    timings text not null,
    start_acknowledged int not null,
    cancel_requested_at bigint,
    last_event_seq bigint not null,
    claim_token varchar(160),
    claimed_until bigint not null,
    created_at bigint not null,
    started_at bigint,
    finished_at bigint,
    updated_at bigint not null
  )`,
  'create index tasks_by_time on tasks (created_at, id)',
  'create index tasks_by_owner on tasks (owner, created_at, id)',
  'create index tasks_by_status on tasks (status, created_at, id)',
  'create index tasks_by_claim on tasks (claim_token)',
  'create table if not exists tombstones (task_id varchar(40) not null primary key, erased_at bigint not null)',
  `create table if not exists events (
    task_id varchar(40) not null,
    seq bigint not null,
    source varchar(64) not null,
    source_seq bigint not null,
    at bigint not null,
    event mediumtext not null,
    primary key (task_id, seq),
    unique (task_id, source, source_seq),
    foreign key (task_id) references tasks (id) on delete cascade
  )`,
  `create table if not exists runs (
    id varchar(64) not null primary key,
    task_id varchar(40) not null,
    kind varchar(8) not null,
    epoch int not null,
    phase varchar(16) not null,
    checkpoint text,
    completion mediumtext,
    created_at bigint not null,
    granted_at bigint,
    ended_at bigint,
    unique (task_id, kind, epoch),
    foreign key (task_id) references tasks (id) on delete cascade
  )`,
  'create index runs_by_slot on runs (ended_at, granted_at, created_at)',
  'create table if not exists locks (name varchar(32) not null primary key)',
  "insert into locks (name) values ('slots')",
  `create table if not exists ledger (
    id varchar(36) not null primary key,
    task_id varchar(40) not null,
    run_id varchar(64) not null,
    turn bigint not null,
    request_sha256 varchar(64) not null,
    model varchar(128) not null,
    state varchar(16) not null,
    reserved_tokens bigint not null,
    reserved_cost_micros bigint,
    input_tokens bigint not null,
    output_tokens bigint not null,
    cost_micros bigint,
    journaled int not null,
    created_at bigint not null,
    foreign key (task_id) references tasks (id) on delete cascade
  )`,
  'create index ledger_by_turn on ledger (task_id, turn)',
  'create index ledger_by_state on ledger (state, created_at)',
  `create table if not exists messages (
    task_id varchar(40) not null,
    seq bigint not null,
    id varchar(128) not null,
    text mediumtext not null,
    at bigint not null,
    primary key (task_id, seq),
    unique (task_id, id),
    foreign key (task_id) references tasks (id) on delete cascade
  )`,
  `create table if not exists egress (
    id varchar(36) not null primary key,
    task_id varchar(40) not null,
    entry text not null,
    foreign key (task_id) references tasks (id) on delete cascade
  )`,
  'create index egress_by_task on egress (task_id, id)',
  `create table if not exists api_keys (
    sha256 varchar(64) not null primary key,
    owner varchar(64) not null,
    created_at bigint not null
  )`,
  `create table if not exists idempotency_keys (
    owner varchar(64) not null,
    key_sha256 varchar(64) not null,
    task_id varchar(40) not null,
    body_sha256 varchar(64),
    leased_until bigint not null,
    kept_until bigint not null,
    primary key (owner, key_sha256)
  )`,
  'create index idempotency_keys_by_age on idempotency_keys (kept_until)',
  'create index idempotency_keys_by_task on idempotency_keys (task_id)',
  // For MySQL, where changes are noticed by polling these: platform/mysql/changes.ts.
  'create table if not exists change_counters (channel int not null primary key, changes bigint not null)',
  `insert into change_counters (channel, changes) values ${Array.from({ length: 64 }, (_, channel) => `(${channel}, 0)`).join(', ')}`,
  'alter table api_keys add column label varchar(128)',
  'alter table api_keys add column last_used_at bigint',
  'alter table api_keys add column revoked_at bigint',
  'create index tasks_by_end on tasks (finished_at, id)',
  'create index tasks_by_load on tasks (owner, status)',
  'alter table tasks add column result_due_at bigint',
  'create index tasks_by_result on tasks (result_due_at)',
  // What sweepers ask for, in the order in which they take it.
  'create index tasks_by_start on tasks (start_acknowledged, status, created_at, id)',
  'create index tasks_by_cancel on tasks (status, cancel_requested_at, id)',
  'create index tasks_by_silence on tasks (status, updated_at, id)',
  'alter table tasks add column branch varchar(255)',
  // Of owners, not of tasks: they outlive the task that made them.
  `create table if not exists setup_snapshots (
    id varchar(64) not null primary key,
    owner varchar(64) not null,
    sha256 varchar(64) not null,
    size_bytes bigint not null,
    created_at bigint not null,
    used_at bigint not null
  )`,
  'create table if not exists slot_turns (owner varchar(64) not null primary key, turn bigint not null)',
];

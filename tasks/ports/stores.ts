import type { ApiKeys, IdempotencyKeys } from './access.ts';
import type { EgressLedger } from './egress-ledger.ts';
import type { EventLog } from './event-log.ts';
import type { Ledger } from './ledger.ts';
import type { Mailbox } from './mailbox.ts';
import type { OwnerLoad } from './owner-load.ts';
import type { ResultOutbox } from './result-outbox.ts';
import type { Retention } from './retention.ts';
import type { RunPhases } from './run-phases.ts';
import type { RunStore } from './run-store.ts';
import type { SetupSnapshots } from './setup-snapshots.ts';
import type { StartOutbox } from './start-outbox.ts';
import type { TaskStore } from './task-store.ts';
import type { TaskVersions } from './task-versions.ts';

/** Everything that one database keeps. Any number of processes hold the same stores open at once. */
export interface Stores {
  readonly tasks: TaskStore;
  readonly versions: TaskVersions;
  readonly load: OwnerLoad;
  readonly outbox: StartOutbox;
  readonly results: ResultOutbox;
  readonly events: EventLog;
  readonly runs: RunStore;
  readonly phases: RunPhases;
  readonly ledger: Ledger;
  readonly mailbox: Mailbox;
  readonly egress: EgressLedger;
  readonly apiKeys: ApiKeys;
  readonly idempotency: IdempotencyKeys;
  readonly retention: Retention;
  readonly snapshots: SetupSnapshots;
  /** Waits for calls under way and ends every `changes`; nothing may be called afterwards. */
  close(): Promise<void>;
}

import type { Stores } from '../../tasks/ports/stores.ts';
import { createApiKeys } from './api-keys.ts';
import { type ChangeNotifications, createChangeFeed } from './change-feed.ts';
import type { StoreDatabase } from './database.ts';
import { createEgressLedger } from './egress-ledger.ts';
import { createEventLog } from './event-log.ts';
import { createIdempotencyKeys } from './idempotency-keys.ts';
import { createLedger } from './ledger.ts';
import { createMailbox } from './mailbox.ts';
import { createOwnerLoad } from './owner-load.ts';
import { createResultOutbox } from './result-outbox.ts';
import { createRetention } from './retention.ts';
import { createRunPhases } from './run-phases.ts';
import { createRunStore } from './run-store.ts';
import { createSetupSnapshots } from './setup-snapshots.ts';
import { createStartOutbox } from './start-outbox.ts';
import { createTaskStore } from './task-store.ts';
import { createTaskVersions } from './task-versions.ts';

export interface StoresOptions {
  /** How soon a watcher learns of another process's write where nothing tells of it sooner. */
  readonly changePollMs: number;
  readonly notifications?: ChangeNotifications | undefined;
}

/** All stores over one migrated database. */
export const createStores = (database: StoreDatabase, { changePollMs: pollMs, notifications }: StoresOptions): Stores => {
  const feed = createChangeFeed({ readTokens: () => database.dialect.changeTokens(database.db), pollMs, notifications });
  return {
    tasks: createTaskStore(database),
    versions: createTaskVersions(database),
    load: createOwnerLoad(database),
    outbox: createStartOutbox(database),
    results: createResultOutbox(database),
    events: createEventLog(database, feed),
    runs: createRunStore(database),
    phases: createRunPhases(database),
    ledger: createLedger(database),
    mailbox: createMailbox(database, feed),
    egress: createEgressLedger(database),
    apiKeys: createApiKeys(database),
    idempotency: createIdempotencyKeys(database),
    retention: createRetention(database),
    snapshots: createSetupSnapshots(database),
    close: async () => {
      feed.close();
      await database.close();
    },
  };
};

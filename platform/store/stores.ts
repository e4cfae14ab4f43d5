import type { Stores } from '../../tasks/ports/stores.ts';
import { createApiKeys } from './api-keys.ts';
import { createChangeFeed } from './change-feed.ts';
import type { StoreDatabase } from './database.ts';
import { createEgressLedger } from './egress-ledger.ts';
import { createEventLog } from './event-log.ts';
import { createIdempotencyKeys } from './idempotency-keys.ts';
import { createLedger } from './ledger.ts';
import { createMailbox } from './mailbox.ts';
import { createResultOutbox } from './result-outbox.ts';
import { createRunStore } from './run-store.ts';
import { createStartOutbox } from './start-outbox.ts';
import { createTaskStore } from './task-store.ts';

/** How soon an SSE client learns of another process's write; one poll costs a few microseconds. */
const CHANGE_POLL_MS = 50;

/** All stores over one migrated database. */
export const createStores = (database: StoreDatabase): Stores => {
  const feed = createChangeFeed({ readToken: () => database.dialect.changeToken(database.db), intervalMs: CHANGE_POLL_MS });
  return {
    tasks: createTaskStore(database),
    outbox: createStartOutbox(database),
    results: createResultOutbox(database),
    events: createEventLog(database, feed),
    runs: createRunStore(database),
    ledger: createLedger(database),
    mailbox: createMailbox(database),
    egress: createEgressLedger(database),
    apiKeys: createApiKeys(database),
    idempotency: createIdempotencyKeys(database),
    close: async () => {
      feed.close();
      // Connections are handed out in order of asking, so this one comes after every call under way.
      await database.db.connection().execute(async () => {});
      await database.db.destroy();
    },
  };
};

import { type Kysely, sql } from 'kysely';
import { channelOf } from '../store/change-channel.ts';
import type { StoreTransaction } from '../store/database.ts';
import type { StoreSchema } from '../store/schema.ts';

/** As many as the migration has made. */
const CHANNELS = 64;

/**
 * A counter for each channel of tasks, raised by whoever changes one of them, in the same transaction: it moves with the commit, so a
 * change that was committed late is never missed, as the highest auto-increment id would miss it. Writers of one task wait for each
 * other anyway; of others, those that share a channel wait for each other's commit only, since this is the transaction's last statement.
 */
export const noteChange = async (trx: StoreTransaction, taskId: string): Promise<void> => {
  await trx.updateTable('change_counters').set({ changes: sql`changes + 1` }).where('channel', '=', channelOf(taskId, CHANNELS)).execute();
};

export const readChangeTokens = async (db: Kysely<StoreSchema>): Promise<readonly string[]> =>
  (await db.selectFrom('change_counters').select('changes').orderBy('channel').execute()).map(({ changes }) => String(changes));

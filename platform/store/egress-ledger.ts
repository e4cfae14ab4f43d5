import { v7 as uuidv7 } from 'uuid';
import type { EgressLedger } from '../../tasks/ports/egress-ledger.ts';
import { type StoreDatabase, transaction } from './database.ts';
import { decode, encode } from './json-text.ts';
import { prepareQuery } from './prepare-query.ts';
import { lockTask } from './task-lock.ts';

/** A set-up script that connects in a loop must not fill the store: only the newest are kept. */
const MAX_ENTRIES = 1000;

const createRecord =
  (database: StoreDatabase): EgressLedger['record'] =>
  (taskId, entry) => {
    const row = { id: uuidv7(), task_id: taskId, entry: encode(entry) };
    return transaction(database, async (trx) => {
      // The connection may outlive its task; what is erased stays erased.
      if ((await lockTask(database, trx, taskId)) === undefined) return;
      await database.dialect.insertIgnore(trx.insertInto('egress').values(row), 'id').execute();
      const surplus = await trx
        .selectFrom('egress')
        .select('id')
        .where('task_id', '=', taskId)
        .orderBy('id', 'desc')
        .offset(MAX_ENTRIES)
        .limit(1)
        .executeTakeFirst();
      if (surplus !== undefined) await trx.deleteFrom('egress').where('task_id', '=', taskId).where('id', '<=', surplus.id).execute();
    });
  };

const createList = ({ db, read }: StoreDatabase): EgressLedger['list'] => {
  const ofTask = prepareQuery(db.selectFrom('egress').select('entry').where('task_id', '=', '').orderBy('id').limit(MAX_ENTRIES));
  return async (taskId) => (await read(ofTask(taskId))).map(({ entry }) => decode(entry));
};

export const createEgressLedger = (database: StoreDatabase): EgressLedger => ({
  record: createRecord(database),
  list: createList(database),
});

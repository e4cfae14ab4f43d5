import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Ledger } from '../../tasks/ports/ledger.ts';
import type { Usage } from '../../tasks/usage.ts';
import { idempotent, readerOn, type StoreDatabase, type StoreTransaction, transaction } from './database.ts';
import { prepareQuery } from './prepare-query.ts';
import type { StoreSchema } from './schema.ts';
import { lockKnownTask } from './task-lock.ts';

type Spent = (read: StoreDatabase['read'], taskId: string) => Promise<Usage>;

/** What is settled, estimates included; reservations aren't spent yet. Money is unknown once a model without a price was used. */
const createSpent = ({ db }: StoreDatabase): Spent => {
  const totals = prepareQuery(
    db
      .selectFrom('ledger')
      .select(({ fn }) => [
        fn.sum('input_tokens').as('input'),
        fn.sum('output_tokens').as('output'),
        fn.sum('cost_micros').as('cost'),
        fn.countAll().as('entries'),
        fn.count('cost_micros').as('priced'),
        fn.count('turn').distinct().as('turns'),
      ])
      .where('task_id', '=', '')
      .where('state', '!=', 'reserved'),
  );
  return async (read, taskId) => {
    const [row] = await read(totals(taskId));
    return {
      input_tokens: Number(row?.input ?? 0),
      output_tokens: Number(row?.output ?? 0),
      cost_micros: row?.priced === row?.entries ? Number(row?.cost ?? 0) : null,
      turns: Number(row?.turns ?? 0),
    };
  };
};

/** Tokens and money that are spent or promised. What has no price counts as no money: the gateway decides whether to allow it. */
const committed = async (db: Kysely<StoreSchema>, taskId: string): Promise<{ readonly tokens: number; readonly costMicros: number }> => {
  const rows = await db
    .selectFrom('ledger')
    .select(({ fn }) => [
      'state',
      fn.sum('reserved_tokens').as('reserved'),
      fn.sum('reserved_cost_micros').as('reserved_cost'),
      fn.sum('input_tokens').as('input'),
      fn.sum('output_tokens').as('output'),
      fn.sum('cost_micros').as('cost'),
    ])
    .where('task_id', '=', taskId)
    .groupBy('state')
    .execute();
  let tokens = 0;
  let costMicros = 0;
  for (const row of rows) {
    tokens += row.state === 'reserved' ? Number(row.reserved) : Number(row.input) + Number(row.output);
    costMicros += Number((row.state === 'reserved' ? row.reserved_cost : row.cost) ?? 0);
  }
  return { tokens, costMicros };
};

const createReserve =
  (database: StoreDatabase, spent: Spent): Ledger['reserve'] =>
  (asked, limits) => {
    const id = randomUUID();
    const isReserved = async (trx: StoreTransaction): Promise<boolean> =>
      (await trx.selectFrom('ledger').select('id').where('id', '=', id).executeTakeFirst()) !== undefined;
    return transaction(database, async (trx, { mayHaveLanded }) => {
      await lockKnownTask(database, trx, asked.taskId);
      if (mayHaveLanded && (await isReserved(trx))) return { granted: true, id };
      const { tokens, costMicros } = await committed(trx, asked.taskId);
      const overTokens = tokens + asked.tokens > limits.tokens;
      const overCost = limits.costMicros !== null && costMicros + (asked.costMicros ?? 0) > limits.costMicros;
      if (overTokens || overCost) return { granted: false, used: await spent(readerOn(trx), asked.taskId) };
      await trx
        .insertInto('ledger')
        .values({
          id,
          task_id: asked.taskId,
          run_id: asked.runId,
          turn: asked.turn,
          request_sha256: asked.requestSha256,
          model: asked.model,
          state: 'reserved',
          reserved_tokens: asked.tokens,
          reserved_cost_micros: asked.costMicros,
          input_tokens: 0,
          output_tokens: 0,
          cost_micros: null,
          journaled: 0,
          created_at: database.now(),
        })
        .execute();
      return { granted: true, id };
    });
  };

const createSettle =
  (database: StoreDatabase): Ledger['settle'] =>
  async (id, { kind, inputTokens, outputTokens, costMicros, journaled }) => {
    const settle = database.db
      .updateTable('ledger')
      .set({ state: kind, input_tokens: inputTokens, output_tokens: outputTokens, cost_micros: costMicros, journaled: journaled ? 1 : 0 })
      .where('id', '=', id)
      .where('state', '=', 'reserved');
    await idempotent(database, () => settle.execute());
  };

const createFindJournaled =
  ({ db }: StoreDatabase): Ledger['findJournaled'] =>
  async (taskId, turn, requestSha256) => {
    const row = await db
      .selectFrom('ledger')
      .selectAll()
      .where('task_id', '=', taskId)
      .where('turn', '=', turn)
      .where('request_sha256', '=', requestSha256)
      .where('journaled', '=', 1)
      .orderBy('created_at')
      .limit(1)
      .executeTakeFirst();
    if (row === undefined) return null;
    const kind = row.state === 'estimated' ? 'estimated' : 'reported';
    return { inputTokens: row.input_tokens, outputTokens: row.output_tokens, costMicros: row.cost_micros, kind, journaled: true };
  };

/** The whole reservation is charged, as input: what a dead process really used isn't known, and a budget must not be exceeded. */
const createSweep =
  ({ db, now }: StoreDatabase): Ledger['sweep'] =>
  async (olderThanMs) => {
    const { numUpdatedRows } = await db
      .updateTable('ledger')
      .set(({ ref }) => ({ state: 'estimated', input_tokens: ref('reserved_tokens'), cost_micros: ref('reserved_cost_micros') }))
      .where('state', '=', 'reserved')
      .where('created_at', '<=', now() - olderThanMs)
      .executeTakeFirst();
    return Number(numUpdatedRows);
  };

export const createLedger = (database: StoreDatabase): Ledger => {
  const spent = createSpent(database);
  return {
    reserve: createReserve(database, spent),
    settle: createSettle(database),
    findJournaled: createFindJournaled(database),
    sweep: createSweep(database),
    usage: (taskId) => spent(database.read, taskId),
  };
};

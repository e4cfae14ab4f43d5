import type { NewTask, TaskQuery, TaskStore } from '../../tasks/ports/task-store.ts';
import { isTerminal } from '../../tasks/status.ts';
import { repositoryOf } from '../../tasks/task.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { type StoreDatabase, type StoreTransaction, transaction } from './database.ts';
import { gather } from './gather.ts';
import { encode } from './json-text.ts';
import { prepareQuery } from './prepare-query.ts';
import type { TaskRow } from './schema.ts';
import { lockTask } from './task-lock.ts';
import { endColumns, patchColumns, toTaskRecord } from './task-record.ts';
import { endWaitingRuns } from './waiting-runs.ts';

const newRow = ({ id, owner, spec }: NewTask, now: number): TaskRow => ({
  id,
  owner,
  spec: encode(spec),
  repo: repositoryOf(spec),
  status: 'QUEUED',
  phase: null,
  waiting_for: null,
  failure: null,
  commit_id: null,
  branch: null,
  verification: null,
  artifacts: encode([]),
  revision: 0,
  timings: encode({}),
  start_acknowledged: 0,
  cancel_requested_at: null,
  last_event_seq: 0,
  claim_token: null,
  claimed_until: 0,
  created_at: now,
  started_at: null,
  finished_at: null,
  updated_at: now,
  result_due_at: null,
});

type InsertOutcome = Awaited<ReturnType<TaskStore['insert']>>;

/** Only its columns matter. */
const NO_TASK: NewTask = { id: '', owner: '', spec: { source: { type: 'zip' }, prompt: '', mode: 'modify' } };
/** Tasks that one transaction inserts at most. */
const LOT = 32;

const createInsertRows = (database: StoreDatabase): ((take: () => readonly TaskRow[]) => Promise<readonly InsertOutcome[]>) => {
  const { db, dialect } = database;
  const insert = prepareQuery(dialect.insertIgnore(db.insertInto('tasks').values(newRow(NO_TASK, 0)), 'id'));
  const tombstoneOf = prepareQuery(db.selectFrom('tombstones').select('task_id').where('task_id', '=', ''));

  const isOurs = async (trx: StoreTransaction, row: TaskRow): Promise<boolean> => {
    const found = await trx.selectFrom('tasks').select(['owner', 'spec', 'created_at']).where('id', '=', row.id).executeTakeFirst();
    return found?.owner === row.owner && found.spec === row.spec && found.created_at === row.created_at;
  };
  const insertRow = async (trx: StoreTransaction, row: TaskRow, mayHaveLanded: boolean): Promise<InsertOutcome> => {
    // The row first: it waits for an erasure under way, whose tombstone is then seen.
    const { numAffectedRows } = await trx.executeQuery(insert(...Object.values(row)));
    if (numAffectedRows !== 1n) return mayHaveLanded && (await isOurs(trx, row)) ? 'inserted' : 'exists';
    const { rows: tombstones } = await trx.executeQuery(tombstoneOf(row.id));
    if (tombstones.length === 0) return 'inserted';
    await trx.deleteFrom('tasks').where('id', '=', row.id).execute();
    return 'erased';
  };
  return (take) =>
    transaction(database, async (trx, { mayHaveLanded }) => {
      const outcomes: InsertOutcome[] = [];
      for (const row of take()) outcomes.push(await insertRow(trx, row, mayHaveLanded));
      return outcomes;
    });
};

const createInsert = (database: StoreDatabase): TaskStore['insert'] => {
  const insertRows = createInsertRows(database);
  const insert = database.dialect.oneWriter
    ? gather(insertRows, LOT)
    : async (row: TaskRow): Promise<InsertOutcome> => (await insertRows(() => [row]))[0] ?? 'exists';
  return (task) => insert(newRow(task, database.now()));
};

const createList =
  ({ db }: StoreDatabase): TaskStore['list'] =>
  async ({ owner, status, repo, limit, cursor }: TaskQuery) => {
    let query = db
      .selectFrom('tasks')
      .selectAll()
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit + 1);
    if (owner !== null) query = query.where('owner', '=', owner);
    if (status !== undefined) query = query.where('status', '=', status);
    if (repo !== undefined) query = query.where('repo', '=', repo);
    if (cursor !== undefined) {
      const { time, id } = decodeCursor(cursor);
      query = query.where((where) =>
        where.or([where('created_at', '<', time), where.and([where('created_at', '=', time), where('id', '<', id)])]),
      );
    }
    const rows = await query.execute();
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const nextCursor = rows.length > limit && last !== undefined ? encodeCursor({ time: last.created_at, id: last.id }) : null;
    return { tasks: page.map(toTaskRecord), nextCursor };
  };

const createUpdate =
  (database: StoreDatabase): TaskStore['update'] =>
  (id, revision, patch) =>
    transaction(database, async (trx, { mayHaveLanded }) => {
      const row = await lockTask(database, trx, id);
      if (row === undefined) return 'missing';
      // At the first attempt this revision wasn't there, and nobody else has it.
      if (mayHaveLanded && row.revision === revision) return 'written';
      if (isTerminal(row.status)) return 'terminal';
      if (revision <= row.revision) return 'stale';
      const now = database.now();
      const ends = patch.status !== undefined && isTerminal(patch.status);
      await trx
        .updateTable('tasks')
        .set({ ...patchColumns(row, patch, now), ...(ends ? endColumns(database, now) : {}), revision })
        .where('id', '=', id)
        .execute();
      if (ends) await endWaitingRuns(trx, id, now);
      return 'written';
    });

const createErase =
  (database: StoreDatabase): TaskStore['erase'] =>
  (id) => {
    const erased_at = database.now();
    return transaction(database, async (trx, { mayHaveLanded }) => {
      const row = await lockTask(database, trx, id);
      if (row === undefined && mayHaveLanded) {
        const tombstone = await trx.selectFrom('tombstones').select('erased_at').where('task_id', '=', id).executeTakeFirst();
        return tombstone?.erased_at === erased_at;
      }
      if (row === undefined || !isTerminal(row.status)) return false;
      await trx.insertInto('tombstones').values({ task_id: id, erased_at }).execute();
      // Keys are taken before the task exists, so they hang on nothing; all else goes with the row.
      await trx.deleteFrom('idempotency_keys').where('task_id', '=', id).execute();
      await trx.deleteFrom('tasks').where('id', '=', id).execute();
      return true;
    });
  };

const createGet = ({ db, read }: StoreDatabase): TaskStore['get'] => {
  const byId = prepareQuery(db.selectFrom('tasks').selectAll().where('id', '=', ''));
  return async (id) => {
    const [row] = await read(byId(id));
    return row === undefined ? null : toTaskRecord(row);
  };
};

export const createTaskStore = (database: StoreDatabase): TaskStore => ({
  insert: createInsert(database),
  get: createGet(database),
  list: createList(database),
  update: createUpdate(database),
  erase: createErase(database),
});

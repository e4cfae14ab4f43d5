import type { EventLog, SourcedEvent } from '../../tasks/ports/event-log.ts';
import type { ChangeFeed } from './change-feed.ts';
import { type StoreDatabase, transaction } from './database.ts';
import { decode, encode } from './json-text.ts';
import { prepareQuery } from './prepare-query.ts';
import { lockTask } from './task-lock.ts';

const createAppend =
  (database: StoreDatabase, feed: ChangeFeed): EventLog['append'] =>
  async (taskId, source, events) => {
    const lastSeq = await transaction(database, async (trx) => {
      const row = await lockTask(database, trx, taskId);
      // Late events of an erased task must not bring any of it back.
      if (row === undefined) return 0;
      if (events.length === 0) return row.last_event_seq;
      const bySourceSeq = new Map<number, SourcedEvent>();
      for (const event of events) if (!bySourceSeq.has(event.source_seq)) bySourceSeq.set(event.source_seq, event);
      const known = await trx
        .selectFrom('events')
        .select('source_seq')
        .where('task_id', '=', taskId)
        .where('source', '=', source)
        .where('source_seq', 'in', [...bySourceSeq.keys()])
        .execute();
      for (const { source_seq } of known) bySourceSeq.delete(source_seq);
      if (bySourceSeq.size === 0) return row.last_event_seq;

      let seq = row.last_event_seq;
      const rows = [...bySourceSeq.values()].map(({ source_seq, at, ...event }) => {
        seq += 1;
        return { task_id: taskId, seq, source, source_seq, at, event: encode(event) };
      });
      await trx.insertInto('events').values(rows).execute();
      await trx.updateTable('tasks').set({ last_event_seq: seq }).where('id', '=', taskId).execute();
      await database.dialect.noteChange(trx, taskId);
      return seq;
    });
    feed.changed(taskId);
    return lastSeq;
  };

const createRead = ({ db, read }: StoreDatabase): EventLog['read'] => {
  const events = db.selectFrom('events').where('task_id', '=', '').orderBy('seq');
  const page = prepareQuery(events.select(['seq', 'source', 'at', 'event']).where('seq', '>', 0).limit(1));
  const lowest = prepareQuery(events.select('seq').limit(1));
  const highest = prepareQuery(db.selectFrom('tasks').select('last_event_seq').where('id', '=', ''));

  const expiredThrough = async (taskId: string): Promise<number> => {
    const [kept] = await read(lowest(taskId));
    if (kept !== undefined) return kept.seq - 1;
    const [task] = await read(highest(taskId));
    return task?.last_event_seq ?? 0;
  };
  return async (taskId, afterSeq, limit) => {
    const rows = await read(page(taskId, afterSeq, limit));
    return {
      events: rows.map(({ seq, source, at, event }) => ({ ...decode(event), seq, source, at })),
      expiredThrough: await expiredThrough(taskId),
    };
  };
};

/** Numbers are handed out under the lock of the task's row, so that they have no gap and a reader never sees a higher one first. */
export const createEventLog = (database: StoreDatabase, feed: ChangeFeed): EventLog => ({
  append: createAppend(database, feed),
  read: createRead(database),
  changes: (taskId, signal) => feed.listen(taskId, signal),
});

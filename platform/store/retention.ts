import type { Retention } from '../../tasks/ports/retention.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { idempotent, type StoreDatabase } from './database.ts';

/** Only terminal rows have `finished_at`, so nothing of a live task is ever found. */
export const createRetention = (database: StoreDatabase): Retention => ({
  expired: async (endedBefore, limit, cursor) => {
    let query = database.db
      .selectFrom('tasks')
      .select(['id', 'finished_at'])
      .where('finished_at', '<', endedBefore)
      .orderBy('finished_at')
      .orderBy('id')
      .limit(limit + 1);
    if (cursor !== undefined) {
      const { time, id } = decodeCursor(cursor);
      query = query.where((where) =>
        where.or([where('finished_at', '>', time), where.and([where('finished_at', '=', time), where('id', '>', id)])]),
      );
    }
    const rows = await query.execute();
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const more = rows.length > limit && last !== undefined;
    return { taskIds: page.map(({ id }) => id), nextCursor: more ? encodeCursor({ time: Number(last.finished_at), id: last.id }) : null };
  },
  forgetKeys: async () => {
    const old = database.db.deleteFrom('idempotency_keys').where('kept_until', '<', database.now());
    const { numDeletedRows } = await idempotent(database, () => old.executeTakeFirst());
    return Number(numDeletedRows);
  },
});

import type { Mailbox } from '../../tasks/ports/mailbox.ts';
import type { ChangeFeed } from './change-feed.ts';
import { type StoreDatabase, transaction } from './database.ts';
import { lockKnownTask } from './task-lock.ts';

export const createMailbox = (database: StoreDatabase, feed: ChangeFeed): Mailbox => ({
  post: async (taskId, id, text) => {
    const message = await transaction(database, async (trx) => {
      await lockKnownTask(database, trx, taskId);
      const messages = trx.selectFrom('messages').where('task_id', '=', taskId);
      const known = await messages.select(['id', 'seq', 'text', 'at']).where('id', '=', id).executeTakeFirst();
      if (known !== undefined) return known;
      const newest = await messages.select('seq').orderBy('seq', 'desc').limit(1).executeTakeFirst();
      const message = { id, seq: (newest?.seq ?? 0) + 1, text, at: database.now() };
      await trx
        .insertInto('messages')
        .values({ task_id: taskId, ...message })
        .execute();
      await database.dialect.noteChange(trx, taskId);
      return message;
    });
    feed.changed(taskId);
    return message;
  },
  read: (taskId, afterSeq) =>
    database.db
      .selectFrom('messages')
      .select(['id', 'seq', 'text', 'at'])
      .where('task_id', '=', taskId)
      .where('seq', '>', afterSeq)
      .orderBy('seq')
      .execute(),
});

import type { TaskVersions } from '../../tasks/ports/task-versions.ts';
import type { StoreDatabase } from './database.ts';
import { prepareQuery } from './prepare-query.ts';

export const createTaskVersions = ({ db, read }: StoreDatabase): TaskVersions => {
  const byId = prepareQuery(
    db.selectFrom('tasks').select(['owner', 'status', 'revision', 'cancel_requested_at', 'updated_at']).where('id', '=', ''),
  );
  return {
    read: async (id) => {
      const [row] = await read(byId(id));
      if (row === undefined) return null;
      const { owner, status, revision, cancel_requested_at, updated_at } = row;
      return { owner, status, revision, cancel_requested: cancel_requested_at !== null, updated_at };
    },
  };
};

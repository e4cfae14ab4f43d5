import type { OwnerLoad } from '../../tasks/ports/owner-load.ts';
import type { StoreDatabase } from './database.ts';

export const createOwnerLoad = ({ db }: StoreDatabase): OwnerLoad => ({
  countUnfinished: async (owner, enough) => {
    const unfinished = await db
      .selectFrom('tasks')
      .select('id')
      .where('owner', '=', owner)
      .where('status', 'in', ['QUEUED', 'PROCESSING'])
      .limit(enough)
      .execute();
    return unfinished.length;
  },
});

import type { SetupSnapshot, SetupSnapshots } from '../../tasks/ports/setup-snapshots.ts';
import { idempotent, type StoreDatabase } from './database.ts';
import type { SetupSnapshotRow } from './schema.ts';

const toSnapshot = ({ used_at: _, ...snapshot }: SetupSnapshotRow): SetupSnapshot => snapshot;

export const createSetupSnapshots = (database: StoreDatabase): SetupSnapshots => {
  const { db, dialect, now } = database;
  return {
    find: async (owner, id) => {
      const row = await db.selectFrom('setup_snapshots').selectAll().where('id', '=', id).where('owner', '=', owner).executeTakeFirst();
      if (row === undefined) return null;
      await idempotent(database, () => db.updateTable('setup_snapshots').set({ used_at: now() }).where('id', '=', id).execute());
      return toSnapshot(row);
    },
    save: async (snapshot) => {
      const { id, owner, sha256, size_bytes } = snapshot;
      const row = { id, owner, sha256, size_bytes, created_at: now(), used_at: now() };
      await idempotent(database, async () => {
        const [inserted] = await dialect.insertIgnore(db.insertInto('setup_snapshots').values(row), 'id').execute();
        if (inserted?.numInsertedOrUpdatedRows !== 1n) await db.updateTable('setup_snapshots').set(row).where('id', '=', id).execute();
      });
    },
    surplus: async ({ createdBefore, maxBytes }) => {
      const rows = await db.selectFrom('setup_snapshots').selectAll().orderBy('used_at', 'desc').orderBy('id').execute();
      let keptBytes = 0;
      const isSurplus = (row: SetupSnapshotRow): boolean => {
        if (row.created_at < createdBefore || keptBytes + row.size_bytes > maxBytes) return true;
        keptBytes += row.size_bytes;
        return false;
      };
      return rows.filter(isSurplus).map(toSnapshot);
    },
    remove: async ({ id, sha256, created_at }) => {
      const same = db.deleteFrom('setup_snapshots').where('id', '=', id).where('sha256', '=', sha256).where('created_at', '=', created_at);
      await idempotent(database, () => same.execute());
    },
  };
};

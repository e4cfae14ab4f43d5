import type { RunPhases } from '../../tasks/ports/run-phases.ts';
import type { StoreDatabase } from './database.ts';

export const createRunPhases = ({ db, read }: StoreDatabase): RunPhases => ({
  read: async (runIds) => {
    if (runIds.length === 0) return new Map();
    const rows = await read(db.selectFrom('runs').select(['id', 'phase']).where('id', 'in', runIds).compile());
    return new Map(rows.map(({ id, phase }) => [id, phase]));
  },
});

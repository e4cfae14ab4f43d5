import type { Kysely } from 'kysely';
import type { StoreSchema } from './schema.ts';

/**
 * The runs that wait for a slot, in the order in which they are to get one. A run's place is the number of slots that its owner would hold
 * with it, so that owners are served in turns, however many runs one of them has waiting.
 */
export const nextInLine = async (
  db: Kysely<StoreSchema>,
  { limit, maxPerOwner }: { readonly limit: number; readonly maxPerOwner?: number | undefined },
): Promise<readonly { readonly id: string; readonly task_id: string }[]> => {
  const query = db
    .with('held', (from) =>
      from
        .selectFrom('runs')
        .innerJoin('tasks', 'tasks.id', 'runs.task_id')
        .select((row) => ['tasks.owner', row.fn.countAll<number>().as('slots')])
        .where('runs.ended_at', 'is', null)
        .where('runs.granted_at', 'is not', null)
        .groupBy('tasks.owner'),
    )
    .with('waiting', (from) =>
      from
        .selectFrom('runs')
        .innerJoin('tasks', 'tasks.id', 'runs.task_id')
        .leftJoin('held', 'held.owner', 'tasks.owner')
        .leftJoin('slot_turns', 'slot_turns.owner', 'tasks.owner')
        .select((row) => [
          'runs.id',
          'runs.task_id',
          'runs.created_at',
          row.fn.coalesce('slot_turns.turn', row.lit(0)).as('turn'),
          row(
            row.fn.agg<number>('row_number').over((over) => over.partitionBy('tasks.owner').orderBy('runs.created_at').orderBy('runs.id')),
            '+',
            row.fn.coalesce('held.slots', row.lit(0)),
          ).as('place'),
        ])
        .where('runs.ended_at', 'is', null)
        .where('runs.granted_at', 'is', null),
    )
    .selectFrom('waiting')
    .select(['id', 'task_id'])
    .orderBy('place')
    .orderBy('turn')
    .orderBy('created_at')
    .orderBy('id')
    .limit(limit);
  return (maxPerOwner === undefined ? query : query.where('place', '<=', maxPerOwner)).execute();
};

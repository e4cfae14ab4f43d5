import type { Compilable, Kysely } from 'kysely';
import type { StoreSchema } from './schema.ts';

/**
 * Compiles a query once: for the reads of every request, building it anew takes longer than running it.
 * The values take the places of the query's first parameters, in their order.
 */
export const prepareQuery = <O>(query: Compilable<O>) => {
  const compiled = query.compile();
  return async (db: Kysely<StoreSchema>, ...values: readonly (string | number)[]): Promise<O[]> => {
    const parameters = [...values, ...compiled.parameters.slice(values.length)];
    return (await db.executeQuery<O>({ ...compiled, parameters })).rows;
  };
};

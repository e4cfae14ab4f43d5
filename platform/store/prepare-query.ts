import type { Compilable, CompiledQuery } from 'kysely';

/**
 * Compiles a query once: for the reads of every request, building it anew takes longer than running it.
 * The values take the places of the query's first parameters, in their order.
 */
export const prepareQuery = <O>(query: Compilable<O>) => {
  const compiled = query.compile();
  return (...values: readonly (string | number | null)[]): CompiledQuery<O> => ({
    ...compiled,
    parameters: [...values, ...compiled.parameters.slice(values.length)],
  });
};

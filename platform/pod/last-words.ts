import { z } from 'zod';
import { RUN_EXIT_CAUSES, type RunExit } from '../../tasks/run.ts';

const lastWordsSchema = z.object({ exitCode: z.int().nullable(), cause: z.enum(RUN_EXIT_CAUSES), detail: z.string() });

/** How a sidecar said that its run ended, in the words it left; null where they are anything else, such as lines of its log. */
export const lastWordsOf = (message: string): RunExit | null => {
  try {
    return lastWordsSchema.parse(JSON.parse(message));
  } catch {
    return null;
  }
};

import { z } from 'zod';
import { count, limit } from './setting-kinds.ts';

/** What a worker takes on, a part of the settings in `settings.ts`. */
export const workerSettings = {
  /** `steps`: workflows and everything short; `runs`: starting, watching and ending runs. */
  CODEBAY_WORKER_POLLS: z.enum(['both', 'steps', 'runs']).default('both'),
  /** Where the steps of runs wait for a worker; `<CODEBAY_TASK_QUEUE>-runs` where absent. */
  CODEBAY_RUNS_TASK_QUEUE: z.string().optional(),
  /** Steps that one worker carries out at once. */
  CODEBAY_WORKER_STEPS: count(200),
  /** Runs that one worker watches at once. */
  CODEBAY_WORKER_RUNS: count(1000),
  /** Runs of one owner at once; 0 is no limit of its own. */
  CODEBAY_OWNER_MAX_RUNS: limit(0),
};

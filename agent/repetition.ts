import { createHash } from 'node:crypto';

const SAME_STEPS = 3;

export type Verdict = 'fine' | 'nudge' | 'stuck';

/** Notices steps that repeat: three in a row with the same calls and observations are a reason for a nudge, three more for an end. */
export const createRepetition = (): ((step: string) => Verdict) => {
  let last = '';
  let same = 0;
  return (step) => {
    const digest = createHash('sha256').update(step).digest('hex');
    same = digest === last ? same + 1 : 1;
    last = digest;
    if (same === SAME_STEPS) return 'nudge';
    return same >= 2 * SAME_STEPS ? 'stuck' : 'fine';
  };
};

export const NUDGE =
  'You have now made the same calls with the same results three times in a row. Look at what you know, and do something else; if the task is done or cannot be done, finish with a final message that says so.';

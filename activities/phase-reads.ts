import type { RunPhases } from '../tasks/ports/run-phases.ts';
import type { RunPhase } from '../tasks/run.ts';

type Phase = RunPhase | undefined;

/**
 * Where a run stands, undefined where it is unknown. Asks the store at once, but not again within `everyMs`: whoever asks meanwhile is
 * answered together with the others by the next read. So the store is asked as often for a thousand watches as for ten.
 */
export const createPhaseReads = ({ phases, everyMs }: { readonly phases: RunPhases; readonly everyMs: number }) => {
  let asked = new Map<string, PromiseWithResolvers<Phase>>();
  let readAt = Number.NEGATIVE_INFINITY;

  const readAsked = async (): Promise<void> => {
    const reads = asked;
    asked = new Map();
    readAt = performance.now();
    try {
      const known = await phases.read([...reads.keys()]);
      for (const [runId, { resolve }] of reads) resolve(known.get(runId));
    } catch (error) {
      for (const { reject } of reads.values()) reject(error);
    }
  };

  return (runId: string): Promise<Phase> => {
    if (asked.size === 0) {
      const restMs = readAt + everyMs - performance.now();
      // A timer counts whole milliseconds from a clock that drops the rest of the one that has begun: it may come almost one too early.
      setTimeout(readAsked, restMs > 0 ? Math.ceil(restMs) + 1 : 0);
    }
    const read = asked.get(runId) ?? Promise.withResolvers<Phase>();
    asked.set(runId, read);
    return read.promise;
  };
};

import { createPhaseReads } from '../../../activities/phase-reads.ts';
import type { RunPhase } from '../../../tasks/run.ts';

/** A store that remembers what it was asked at once, and when. */
const createFixture = (everyMs: number) => {
  const reads: { readonly runIds: readonly string[]; readonly at: number }[] = [];
  let failing: Error | null = null;
  const phaseOf = createPhaseReads({
    phases: {
      read: async (runIds) => {
        reads.push({ runIds, at: performance.now() });
        if (failing !== null) throw failing;
        return new Map<string, RunPhase>(runIds.filter((id) => id !== 'unknown').map((id) => [id, 'agent']));
      },
    },
    everyMs,
  });
  return {
    phaseOf,
    reads,
    failWith: (error: Error | null) => {
      failing = error;
    },
  };
};

test('a thousand watches that ask at the same time are one read, and those that ask soon after are the next', async () => {
  const { phaseOf, reads } = createFixture(50);
  const ids = Array.from({ length: 1000 }, (_, n) => `r${n}`);
  expect(await Promise.all(ids.map(phaseOf))).toEqual(ids.map(() => 'agent'));
  const first = phaseOf('r1');
  await new Promise((resolve) => setImmediate(resolve));
  await Promise.all([first, phaseOf('r2')]);
  expect(reads.map(({ runIds }) => runIds)).toEqual([ids, ['r1', 'r2']]);
  // The store's clock of the first read starts a little later than ours.
  expect((reads[1]?.at ?? 0) - (reads[0]?.at ?? 0)).toBeGreaterThanOrEqual(49);
});

test('two that ask for one run share an answer, and an unknown run has no phase', async () => {
  const { phaseOf, reads } = createFixture(0);
  expect(await Promise.all([phaseOf('unknown'), phaseOf('unknown')])).toEqual([undefined, undefined]);
  expect(reads.map(({ runIds }) => runIds)).toEqual([['unknown']]);
});

test('a store that is away fails those who asked, not those who ask next', async () => {
  const { phaseOf, failWith } = createFixture(0);
  failWith(new Error('away'));
  expect(await Promise.allSettled([phaseOf('r1'), phaseOf('r2')])).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
  failWith(null);
  expect(await phaseOf('r1')).toBe('agent');
});

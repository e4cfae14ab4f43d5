import { inSystem } from './in-system.ts';
import { DONE } from './stops.ts';
import { finished, inTurns, repositoryWith, submit, untilNothingLeft } from './tasks.ts';
import { START_SECONDS, UNPULLABLE } from './values.ts';

/** For what comes before and after the run: its code is fetched, its failure is written down. */
const AROUND_SECONDS = 30;

export const badImage = (): void =>
  inSystem('a task whose image cannot be pulled ends as IMAGE_PULL soon after the time that a run has to start', async (system) => {
    const url = await repositoryWith(system, {}, { name: UNPULLABLE.repository });
    const { id } = await submit(system, inTurns(DONE), { url });
    expect(await finished(system, id, (START_SECONDS + AROUND_SECONDS) * 1000)).toMatchObject({
      status: 'FAILED',
      failure: { reason: 'IMAGE_PULL', detail: expect.stringContaining(UNPULLABLE.image) },
      runs: [{ epoch: 1, outcome: null }],
    });
    await untilNothingLeft(system, id);
  });

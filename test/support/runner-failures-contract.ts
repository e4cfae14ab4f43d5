import type { RunExit, RunOrder } from '../../tasks/run.ts';
import { HUNGRY, orderOf, SCENARIOS } from './stand-in-run.ts';

/** What every runner whose runs are containers tells of these ends. `endOf` starts a run, sees its end and removes it. */
export const failuresOfContainers = (endOf: (order: RunOrder) => Promise<RunExit>): void => {
  test('memory, by the sidecar', async () => {
    expect(await endOf(orderOf(SCENARIOS.hunger))).toMatchObject({
      cause: 'out_of_memory',
      exitCode: 137,
      detail: expect.stringContaining('container sidecar'),
    });
  });

  test('memory, by the agent while the sidecar goes on', async () => {
    const order = orderOf(SCENARIOS.live, { image: HUNGRY });
    expect(await endOf(order)).toMatchObject({ cause: 'out_of_memory', exitCode: 137, detail: expect.stringContaining('container agent') });
  });

  test('a crash of the sidecar, with its last lines', async () => {
    expect(await endOf(orderOf(SCENARIOS.crash))).toEqual({
      cause: 'finished',
      exitCode: 3,
      detail: 'The sidecar ended with exit code 3. no gateway',
    });
  });
};

import { inSystem } from './in-system.ts';
import { expectKeptWork } from './kept-work.ts';
import { CHANGE, DONE } from './stops.ts';
import { inTurns, runTask, shell } from './tasks.ts';

/** For two turns of the model, with the start of the run. */
const TIME_SECONDS = 30;

export const deadline = (): void =>
  inSystem('a task that is still at work when its time is over ends as TIMED_OUT, with its changes up to then', async (system) => {
    const hang = shell('echo unfinished > unfinished.txt; sleep infinity');
    const task = await runTask(system, inTurns(CHANGE, hang, DONE), { limits: { time_seconds: TIME_SECONDS } });
    expect(task).toMatchObject({
      status: 'FAILED',
      failure: { reason: 'TIMED_OUT' },
      runs: [{ epoch: 1, outcome: 'failed' }],
    });
    await expectKeptWork(system, task, ['changed', 'unfinished']);
  });

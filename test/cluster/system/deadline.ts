import { inSystem } from './in-system.ts';
import { CHANGE, DONE } from './stops.ts';
import { diffOf, inTurns, logOf, runTask, shell, untilNothingLeft } from './tasks.ts';

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
    const diff = await diffOf(system, task.id);
    for (const line of ['+changed\n', '+unfinished\n']) expect(diff).toContain(line);
    expect(await logOf(system, task.id, 'explanation.md')).toContain('TIMED_OUT');
    await untilNothingLeft(system, task.id);
  });

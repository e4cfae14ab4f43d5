import { inSystem } from './in-system.ts';
import { CHANGE, DONE } from './stops.ts';
import { diffOf, inTurns, runTask, shell, untilNothingLeft } from './tasks.ts';
import { RUN_DISK_MB } from './values.ts';

/** Each file is within the limit of one, and the command does not end by itself. */
const FILL = `for n in 1 2 3; do head -c ${Math.ceil(RUN_DISK_MB / 2)}M /dev/zero > "$HOME/much-$n"; done; sleep infinity`;

export const diskFull = (): void =>
  inSystem('a task whose run outgrows a volume ends as DISK_FULL with its changes so far, and gets no other run', async (system) => {
    const task = await runTask(system, inTurns(CHANGE, shell(FILL), DONE));
    expect(task).toMatchObject({
      status: 'FAILED',
      failure: { reason: 'DISK_FULL', detail: expect.stringContaining('"home"') },
      runs: [{ epoch: 1 }],
    });
    expect(await diffOf(system, task.id)).toContain('+changed\n');
    await untilNothingLeft(system, task.id);
  });

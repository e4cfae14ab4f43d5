import { eachInSystem } from './in-system.ts';
import { expectKeptWork } from './kept-work.ts';
import { CHANGE, DONE } from './stops.ts';
import { inTurns, runTask, shell } from './tasks.ts';
import { RUN_DISK_MB } from './values.ts';

/** The volumes that an agent fills, by their names, which are also those of their folders. */
const VOLUMES = { code: 'code', home: 'home' };

/** Each file is within the limit of one, and the command does not end by itself. */
const fill = (volume: string): string =>
  `for n in 1 2 3; do head -c ${Math.ceil(RUN_DISK_MB / 2)}M /dev/zero > /app/${volume}/much-$n; done; sleep infinity`;

export const diskFull = (): void =>
  eachInSystem(
    VOLUMES,
    (volume) => `a task whose run outgrows its volume ${volume} ends as DISK_FULL with its changes so far, and gets no other run`,
    async (system, volume) => {
      const task = await runTask(system, inTurns(CHANGE, shell(fill(volume)), DONE));
      expect(task).toMatchObject({
        status: 'FAILED',
        failure: { reason: 'DISK_FULL', detail: expect.stringContaining(`"${volume}"`) },
        runs: [{ epoch: 1 }],
      });
      await expectKeptWork(system, task, ['changed']);
    },
  );

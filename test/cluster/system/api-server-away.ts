import { inOwnCluster } from './in-system.ts';
import { STOPS, stopInEveryPhase } from './stops.ts';
import { inTurns, shell, submit } from './tasks.ts';
import { expectUndisturbed, jobsOf } from './undisturbed.ts';

const AWAY_MS = 30_000;

/** One run ends and one task comes in while nobody can be told. */
export const apiServerAway = (): void =>
  inOwnCluster(
    'tasks in flight while the API server is away for 30 s complete in their Jobs, and ask no finished turn again',
    async (system, own) => {
      const stopped = await stopInEveryPhase(system);
      const ending = await STOPS['in a turn of the model'](system);
      const before = await jobsOf(system, stopped);

      const restarted = own.restartApiServer(AWAY_MS);
      await ending.go();
      const coming = await submit(system, inTurns(shell('echo changed > changed.txt'), { text: 'Done.' }));
      await restarted;

      expect(await jobsOf(system, stopped)).toEqual(before);
      for (const { go } of stopped) await go();
      for (const taskId of [...stopped, ending].map((one) => one.taskId).concat(coming.id)) await expectUndisturbed(system, taskId);
    },
    8 * 60_000,
  );

import { eachInSystem } from './in-system.ts';
import { STOPS } from './stops.ts';
import { taskWhen, untilNothingLeft } from './tasks.ts';

/** What a cancelled task is promised. */
const GONE_WITHIN_MS = 15_000;

export const cancelled = (): void =>
  eachInSystem(
    STOPS,
    (phase) => `a task that is cancelled ${phase} leaves no pod after 15 s`,
    async (system, stop) => {
      const { taskId } = await stop(system);
      const beganMs = Date.now();
      const leftMs = (): number => GONE_WITHIN_MS - (Date.now() - beganMs);
      expect(await system.client.cancel(taskId)).toMatchObject({ cancel_requested: true });
      await taskWhen(system, taskId, 'is cancelled', ({ status }) => status === 'CANCELLED', leftMs());
      await untilNothingLeft(system, taskId, leftMs());
    },
  );

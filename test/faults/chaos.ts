import { setTimeout as pause } from 'node:timers/promises';
import type { Seeded } from './seeded.ts';

/** What can be killed and started again. */
export interface Target {
  readonly name: string;
  kill(): Promise<void>;
  start(): Promise<void>;
}

export interface Kill {
  readonly name: string;
  readonly from: number;
  /** When it answered again. */
  readonly until: number;
  /** How many tasks were accepted and not finished just before. */
  readonly inFlight: number;
}

const ROUNDS = 2;

/** Kills each target, in a shuffled order, `ROUNDS` times at random moments, leaves it dead for a random while, and starts it again. */
export const wreakHavoc = async (deps: {
  readonly random: Seeded;
  readonly targets: readonly Target[];
  readonly inFlight: () => Promise<number>;
}): Promise<readonly Kill[]> => {
  const { random, targets, inFlight } = deps;
  const kills: Kill[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const target of random.shuffled(targets)) {
      await pause(random.between(300, 2_000));
      const alive = await inFlight();
      const from = Date.now();
      await target.kill();
      await pause(random.between(100, 2_500));
      await target.start();
      kills.push({ name: target.name, from, until: Date.now(), inFlight: alive });
    }
  }
  return kills;
};

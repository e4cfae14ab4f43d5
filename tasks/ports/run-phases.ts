import type { RunPhase } from '../run.ts';

/** Where runs stand, for those who watch many of them. */
export interface RunPhases {
  /** By run id; without those that are unknown. One read, however many are asked for. */
  read(runIds: readonly string[]): Promise<ReadonlyMap<string, RunPhase>>;
}

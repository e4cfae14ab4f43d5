import type { RunExit, RunObservation } from '../../tasks/run.ts';
import { lastWordsOf } from '../pod/last-words.ts';
import { partOf } from '../pod/parts.ts';
import { DISK_FULL_CODE } from './containers.ts';
import type { DockerPart } from './names.ts';

/** What the engine says of one container. */
export interface SeenPart {
  readonly part: DockerPart;
  readonly state: 'created' | 'running' | 'exited';
  readonly exitCode: number;
  /** Whether the kernel has killed anything of it for want of memory. */
  readonly oomKilled: boolean;
  /** The engine's words on why it could not be started; empty where it was. */
  readonly error: string;
  /** In milliseconds since 1970; 0 where it hasn't ended. */
  readonly endedAt: number;
}

/** What the engine holds of one run. */
export interface SeenRun {
  readonly parts: readonly SeenPart[];
  /** When its first container was made, and when it has outlived its limits; in milliseconds since 1970. */
  readonly createdAt: number;
  readonly deadline: number;
  /** Of the sidecar, once it has ended: what it wrote to standard output, and the last lines of its log. */
  readonly words: string;
  readonly lastLines: string;
}

/** How long the sidecar may go on after another part failed, to save what there is and say why. */
const LAST_WORDS_MS = 20_000;

const exit = (cause: RunExit['cause'], detail: string, exitCode: number | null = null): RunExit => ({
  exitCode,
  cause,
  detail: detail.trim(),
});

const partIn = ({ parts }: SeenRun, part: DockerPart): SeenPart | undefined => parts.find((seen) => seen.part === part);

const hasFailed = ({ state, exitCode }: SeenPart): boolean => state === 'exited' && exitCode !== 0;

/** Which part failed for want of memory. A part that ended well although a command of its was killed has not failed. */
const starved = ({ parts }: SeenRun): RunExit | null => {
  const part = parts.find((seen) => seen.oomKilled && hasFailed(seen));
  return part ? exit('out_of_memory', `The memory limit was reached by ${partOf(part.part)}.`, part.exitCode) : null;
};

const outgrown = (seen: SeenRun): RunExit | null => {
  const watch = partIn(seen, 'disk');
  return watch?.state === 'exited' && watch.exitCode === DISK_FULL_CODE
    ? exit('disk_full', "The run's folders together have grown over their limit (CODEBAY_RUN_DISK_MB).")
    : null;
};

const ofSidecar = (seen: SeenRun, { exitCode }: SeenPart): RunExit => {
  const words = lastWordsOf(seen.words);
  if (exitCode === 0) return words ?? exit('finished', '', 0);
  // The sidecar sees that another part died, not why.
  return starved(seen) ?? words ?? exit('finished', `The sidecar ended with exit code ${exitCode}. ${seen.lastLines}`, exitCode);
};

/** A part died and the sidecar, which should end the run for that, has not: it hangs, or nobody told it. */
const ofDeadPart = (seen: SeenRun, now: number): RunExit | null => {
  const dead = seen.parts.find((part) => hasFailed(part) && now - part.endedAt >= LAST_WORDS_MS);
  if (dead === undefined) return null;
  return starved(seen) ?? exit('lost', `While the run went on, exit code ${dead.exitCode} ended ${partOf(dead.part)}.`);
};

const ofRunning = (seen: SeenRun, now: number): RunExit | null =>
  outgrown(seen) ??
  ofDeadPart(seen, now) ??
  (now > seen.deadline ? exit('timed_out', 'The run outlived its time limit, and its sidecar did not end it.') : null);

/** Whoever started it died on the way, and nobody went on. */
const ofUnstarted = (seen: SeenRun, startMs: number, now: number): RunExit | null => {
  if (now - seen.createdAt < startMs) return null;
  const errors = seen.parts.flatMap(({ part, error }) => (error === '' ? [] : [`${partOf(part)}: ${error}`]));
  return exit('not_started', `The run's containers were not all started in time. ${errors.join(' ')}`);
};

/** Where a run stands by what the engine shows of it: facts in, a verdict out. A run is over when its sidecar is. */
export const observationOf = (seen: SeenRun | null, startMs: number, now: number): RunObservation => {
  if (seen === null) return { state: 'absent' };
  const sidecar = partIn(seen, 'sidecar');
  const end =
    sidecar?.state === 'exited'
      ? (outgrown(seen) ?? ofSidecar(seen, sidecar))
      : sidecar?.state === 'running'
        ? ofRunning(seen, now)
        : ofUnstarted(seen, startMs, now);
  return end ? { state: 'exited', exit: end } : { state: 'running' };
};

/** Why a run had to stop: asked by its runner, out of time, or no longer wanted by the gateway. */
export type StopCause = 'stopped' | 'timed_out' | 'over';

/** The reason of the `working` signal. */
export class RunStoppedError extends Error {
  override readonly name = 'RunStoppedError';
  readonly stop: StopCause;
  constructor(stop: StopCause) {
    super(`the run is ${stop === 'over' ? 'over' : stop.replace('_', ' ')}`);
    this.stop = stop;
  }
}

/** Milliseconds that are left for a last checkpoint, logs and the completion after a stop. The runner's own grace is longer than 8 s. */
const FINISHING_MS: Readonly<Record<StopCause, number>> = { stopped: 7_500, timed_out: 120_000, over: 0 };

export interface RunLife {
  /** Aborted with a `RunStoppedError` when the run's programs have to end. */
  readonly working: AbortSignal;
  /** Aborted when nothing more may be waited for, uploads included. */
  readonly finishing: AbortSignal;
  /** Null while nothing asked the run to stop. */
  cause(): StopCause | null;
  /** The first cause stands; a later one may only shorten the time that is left. */
  stop(cause: StopCause): void;
  /** Stops the clocks. */
  end(): void;
}

/** The clock of one run, started now: `timeMs` for its programs, then a while to save what there is. */
export const createRunLife = (timeMs: number): RunLife => {
  const working = new AbortController();
  const finishing = new AbortController();
  let cause: StopCause | null = null;
  const timers: NodeJS.Timeout[] = [];
  const stop = (next: StopCause) => {
    cause ??= next;
    timers.push(setTimeout(() => finishing.abort(new RunStoppedError(next)), FINISHING_MS[next]));
    working.abort(new RunStoppedError(cause));
  };
  timers.push(setTimeout(() => stop('timed_out'), timeMs));
  return {
    working: working.signal,
    finishing: finishing.signal,
    cause: () => cause,
    stop,
    end: () => {
      for (const timer of timers) clearTimeout(timer);
    },
  };
};

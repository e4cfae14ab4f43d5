import { taskIdOfRun } from '../../tasks/ids.ts';
import type { Stores } from '../../tasks/ports/stores.ts';
import type { RunRecord } from '../../tasks/run.ts';
import type { TaskRecord } from '../../tasks/task.ts';
import { runOver } from './admission.ts';
import { GatewayError } from './gateway-error.ts';
import type { GatewayLog } from './options.ts';

/** What the store says now; null where it can't be asked. */
export type Standing = { readonly task: TaskRecord | null; readonly runs: readonly RunRecord[] } | null;

/** Something that outlives the request that began it: a tunnel, a model turn. */
export interface LiveThing {
  readonly runId: string;
  mayGoOn(standing: Standing): boolean;
  /** Ends it at once; `why` is for whoever waits for it. */
  cut(why: GatewayError): void;
}

export interface LiveWork {
  /** Watches the thing until the returned function is called. */
  add(thing: LiveThing): () => void;
  /** Holds everything of this task against the store now. */
  recheck(taskId: string): Promise<void>;
  /** Cuts all that is left and stops watching. */
  close(): void;
}

/** The run's row is the only truth about its phase, so live things are held against it again and again, whichever process wrote it. */
export const createLiveWork = (deps: { readonly stores: Stores; readonly recheckMs: number; readonly log: GatewayLog }): LiveWork => {
  const things = new Set<LiveThing>();

  const standingOf = async (taskId: string): Promise<Standing> => {
    try {
      const [task, runs] = await Promise.all([deps.stores.tasks.get(taskId), deps.stores.runs.list(taskId)]);
      return { task, runs };
    } catch (error) {
      deps.log.error({ err: error, task_id: taskId }, 'the standing of live work could not be read');
      return null;
    }
  };

  const recheck = async (taskId: string): Promise<void> => {
    const standing = await standingOf(taskId);
    for (const thing of things) {
      if (taskIdOfRun(thing.runId) === taskId && !thing.mayGoOn(standing)) thing.cut(runOver('the run is over'));
    }
  };

  let checking = false;
  const timer = setInterval(async () => {
    if (checking || things.size === 0) return;
    checking = true;
    await Promise.all([...new Set([...things].map((thing) => taskIdOfRun(thing.runId)))].map(recheck));
    checking = false;
  }, deps.recheckMs);
  timer.unref();

  return {
    add: (thing) => {
      things.add(thing);
      return () => things.delete(thing);
    },
    recheck,
    close: () => {
      clearInterval(timer);
      // Not the run's end: a sidecar asks again, of the gateway that comes next.
      for (const thing of things)
        thing.cut(new GatewayError(503, 'MODEL_UNAVAILABLE', 'the station is restarting', { retryAfterSeconds: 1 }));
    },
  };
};

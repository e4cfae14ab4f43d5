import { StoreUnavailableError } from '../../tasks/ports/store-unavailable-error.ts';
import { channelOf } from './change-channel.ts';

interface Listener {
  readonly taskId: string;
  wake(): void;
  fail(error: unknown): void;
  end(): void;
}

/** Tells of changes sooner than the next poll does. It may lose any of them: polling goes on, as often as `pollMs` says. */
export interface ChangeNotifications {
  /** Told after each commit of this process that changed the task. Must not throw. */
  publish(taskId: string): void;
  /** Calls `onChange` with tasks that any process has changed, null where that may be any of them; returns how to stop that. */
  subscribe(onChange: (taskId: string | null) => void): () => void;
  /** How often the store is polled beside this. */
  readonly pollMs: number;
}

export interface ChangeFeed {
  /**
   * Yields at the start and whenever the task may have changed; changes while the consumer is busy are one. Ends with the signal or
   * `close`. A store that is away is waited out: whatever was missed is told when it is back.
   */
  listen(taskId: string, signal: AbortSignal): AsyncGenerator<void, void, void>;
  /** The task has been changed by this process. */
  changed(taskId: string): void;
  close(): void;
}

interface ChangeFeedDeps {
  /** One value for each channel, see `channelOf`. */
  readonly readTokens: () => Promise<readonly string[]>;
  readonly pollMs: number;
  readonly notifications?: ChangeNotifications | undefined;
}

/** One poller however many listen, none while nobody does. Tokens that can't be read, but for a store that is away, fail every listener. */
export const createChangeFeed = ({ readTokens, pollMs, notifications }: ChangeFeedDeps): ChangeFeed => {
  const intervalMs = notifications?.pollMs ?? pollMs;
  const listeners = new Set<Listener>();
  let timer: NodeJS.Timeout | undefined;
  let reading = false;
  let last: readonly string[] | undefined;

  const schedule = () => {
    if (timer !== undefined || reading || listeners.size === 0) return;
    timer = setTimeout(() => {
      timer = undefined;
      void poll();
    }, intervalMs);
  };
  const poll = async () => {
    reading = true;
    try {
      const tokens = await readTokens();
      for (const listener of listeners) {
        const channel = channelOf(listener.taskId, tokens.length);
        if (tokens[channel] !== last?.[channel]) listener.wake();
      }
      last = tokens;
    } catch (error) {
      if (error instanceof StoreUnavailableError) last = undefined;
      else for (const listener of listeners) listener.fail(error);
    }
    reading = false;
    schedule();
  };
  const wake = (taskId: string | null) => {
    for (const listener of listeners) if (taskId === null || listener.taskId === taskId) listener.wake();
  };
  const unsubscribe = notifications?.subscribe(wake);
  const remove = (listener: Listener) => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearTimeout(timer);
    timer = undefined;
  };

  return {
    async *listen(taskId, signal) {
      let changed = true;
      let ended = false;
      let failure: { readonly error: unknown } | undefined;
      let resume = () => {};
      const listener: Listener = {
        taskId,
        wake: () => {
          changed = true;
          resume();
        },
        fail: (error) => {
          failure ??= { error };
          resume();
        },
        // Not left to `finally`: a consumer that has gone away without `return` never gets there.
        end: () => {
          ended = true;
          signal.removeEventListener('abort', listener.end);
          remove(listener);
          resume();
        },
      };
      if (signal.aborted) return;
      signal.addEventListener('abort', listener.end);
      listeners.add(listener);
      schedule();
      try {
        while (!ended) {
          if (failure !== undefined) throw failure.error;
          if (changed) {
            changed = false;
            yield;
          } else {
            await new Promise<void>((resolve) => {
              resume = resolve;
            });
          }
        }
      } finally {
        listener.end();
      }
    },
    changed: (taskId) => {
      wake(taskId);
      notifications?.publish(taskId);
    },
    close: () => {
      unsubscribe?.();
      for (const listener of listeners) listener.end();
    },
  };
};

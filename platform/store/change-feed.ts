interface Listener {
  wake(): void;
  fail(error: unknown): void;
  end(): void;
}

export interface ChangeFeed {
  /** Yields at the start and whenever the token has changed; changes while the consumer is busy are one. Ends with the signal or `close`. */
  listen(signal: AbortSignal): AsyncGenerator<void, void, void>;
  close(): void;
}

/** One poller however many listen, none while nobody does. A token that can't be read fails every listener. */
export const createChangeFeed = (deps: { readonly readToken: () => Promise<string>; readonly intervalMs: number }): ChangeFeed => {
  const listeners = new Set<Listener>();
  let timer: NodeJS.Timeout | undefined;
  let reading = false;
  let last: string | undefined;

  const schedule = () => {
    if (timer !== undefined || reading || listeners.size === 0) return;
    timer = setTimeout(() => {
      timer = undefined;
      void poll();
    }, deps.intervalMs);
  };
  const poll = async () => {
    reading = true;
    try {
      const token = await deps.readToken();
      if (token !== last) for (const listener of listeners) listener.wake();
      last = token;
    } catch (error) {
      for (const listener of listeners) listener.fail(error);
    }
    reading = false;
    schedule();
  };
  const remove = (listener: Listener) => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearTimeout(timer);
    timer = undefined;
  };

  return {
    async *listen(signal) {
      let changed = true;
      let ended = false;
      let failure: { readonly error: unknown } | undefined;
      let resume = () => {};
      const listener: Listener = {
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
    close: () => {
      for (const listener of listeners) listener.end();
    },
  };
};

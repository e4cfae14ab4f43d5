import { Context } from '@temporalio/activity';

const INTERVAL_MS = 2000;

/**
 * Heartbeats as long as `work` goes on, with the number it last reported, so that a cancel arrives and a dead worker is noticed even
 * while a command is silent. The signal is the activity's cancellation.
 */
export const withHeartbeat = async <T>(work: (signal: AbortSignal, onProgress: (bytes: number) => void) => Promise<T>): Promise<T> => {
  const context = Context.current();
  let bytes = 0;
  context.heartbeat(bytes);
  const timer = setInterval(() => context.heartbeat(bytes), INTERVAL_MS);
  try {
    return await work(context.cancellationSignal, (now) => {
      bytes = now;
    });
  } finally {
    clearInterval(timer);
  }
};

/** The same activity, heartbeating all the while. */
export const heartbeating =
  <I, O>(activity: (input: I) => Promise<O>) =>
  (input: I): Promise<O> =>
    withHeartbeat(() => activity(input));

import type { EachBatchPayload } from 'kafkajs';
import type { FeedMessage } from '../../tasks/ports/task-feed.ts';
import { toFeedMessage } from './feed-message.ts';

/** Within the consumer's session time-out several times over, and how much is read again at most after a kill. */
const BEAT_EVERY_MS = 1_000;

/** Runs `beat` every so often, never twice at once, until the work is over or a beat fails; resolves when neither goes on. */
const beating = async (beat: () => Promise<void>, work: Promise<void>, onFailure: (error: unknown) => void): Promise<void> => {
  let last: Promise<void> = Promise.resolve();
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    last = beat()
      .catch(onFailure)
      .finally(() => {
        busy = false;
      });
  }, BEAT_EVERY_MS);
  try {
    await work;
  } finally {
    clearInterval(timer);
    await last;
  }
};

/**
 * Takes the messages of one partition, `atOnce` at a time, and commits up to the first that isn't taken. False where `take` rejected one:
 * it and those behind it come again. Throws where Kafka itself fails or moves the partition; what is under way comes to its end first.
 */
export const takeBatch = async (
  payload: EachBatchPayload,
  take: (message: FeedMessage) => Promise<void>,
  atOnce: number,
): Promise<boolean> => {
  const { batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, uncommittedOffsets, isRunning, isStale } = payload;
  const { messages, topic, partition } = batch;
  const taken = new Set<number>();
  let next = 0;
  let resolved = 0;
  let rejected = false;
  let failure: { readonly error: unknown } | null = null;

  const commit = () => commitOffsetsIfNecessary(uncommittedOffsets());
  const resolveContiguous = (): void => {
    for (let message = messages[resolved]; message !== undefined && taken.has(resolved); message = messages[resolved]) {
      resolveOffset(message.offset);
      resolved += 1;
    }
  };
  const goesOn = (): boolean => !rejected && failure === null && isRunning() && !isStale();
  const takeOneByOne = async (): Promise<void> => {
    for (let message = messages[next]; message !== undefined && goesOn(); message = messages[next]) {
      const index = next;
      next += 1;
      try {
        await take(toFeedMessage(topic, partition, message));
      } catch {
        // `take` has said why.
        rejected = true;
        return;
      }
      taken.add(index);
      resolveContiguous();
    }
  };

  const beat = async (): Promise<void> => {
    await heartbeat();
    await commit();
  };
  await beating(
    beat,
    Promise.all(Array.from({ length: atOnce }, takeOneByOne)).then(() => undefined),
    (error) => {
      failure ??= { error };
    },
  );
  await commit();
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
  return !rejected;
};

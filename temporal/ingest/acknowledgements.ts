import type { StartOutbox } from '../../tasks/ports/start-outbox.ts';

interface AcknowledgementsDeps {
  readonly outbox: StartOutbox;
  readonly log: { warn(fields: object, message: string): void };
}

export interface Acknowledgements {
  /** The outbox, whose `acknowledgeStart` only notes. */
  readonly outbox: StartOutbox;
  /** Writes what is noted. */
  close(): Promise<void>;
}

/** Far sooner than the sweeper looks for unacknowledged starts. */
const WRITE_AFTER_MS = 500;

/**
 * Writes acknowledgements many at a time: one is never missed, because the sweeper starts again what lacks it, which changes nothing,
 * but to write each by itself would double the writes of a message.
 */
export const gatherAcknowledgements = ({ outbox, log }: AcknowledgementsDeps): Acknowledgements => {
  const noted = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> = Promise.resolve();

  const write = async (): Promise<void> => {
    const taskIds = [...noted];
    noted.clear();
    if (taskIds.length === 0) return;
    try {
      await outbox.acknowledgeStart(...taskIds);
    } catch (error) {
      log.warn({ err: error, count: taskIds.length }, 'starts could not be acknowledged; the sweeper will look at them');
    }
  };
  const writeNow = (): Promise<void> => {
    timer = null;
    writing = writing.then(write);
    return writing;
  };
  return {
    outbox: {
      ...outbox,
      acknowledgeStart: async (...taskIds) => {
        for (const taskId of taskIds) noted.add(taskId);
        timer ??= setTimeout(writeNow, WRITE_AFTER_MS);
      },
    },
    close: () => {
      if (timer !== null) clearTimeout(timer);
      return writeNow();
    },
  };
};

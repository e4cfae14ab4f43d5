import type { NewEvent } from '../../../tasks/events.ts';
import type { EventLog } from '../../../tasks/ports/event-log.ts';

/**
 * Appends an event of the gateway's own. `source` (at most 64 characters) and `sourceSeq` name the fact that it tells of, so a
 * fact that is told twice, by whichever process, is one event.
 */
export type Announce = (taskId: string, source: string, event: NewEvent, sourceSeq?: number) => Promise<void>;

export const createAnnouncer =
  (deps: { readonly events: EventLog; readonly now: () => number }): Announce =>
  async (taskId, source, event, sourceSeq = 1) => {
    await deps.events.append(taskId, source, [{ ...event, source_seq: sourceSeq, at: deps.now() }]);
  };

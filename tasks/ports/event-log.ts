import type { NewEvent, TaskEvent } from '../events.ts';

/** An event as its writer hands it over: `sourceSeq` counts up within `source` and makes the append idempotent. */
export type SourcedEvent = NewEvent & { readonly source_seq: number; readonly at: number };

export interface EventPage {
  readonly events: readonly TaskEvent[];
  /** The lowest number that is still kept minus one; a reader who wants less gets 410. */
  readonly expiredThrough: number;
}

/** The one door for a task's events. Numbers are strictly increasing per task, without gaps, and survive restarts. */
export interface EventLog {
  /** Appends those events that this source hasn't appended yet, in one transaction; returns the task's highest number. An erased or unknown task takes none: 0. */
  append(taskId: string, source: string, events: readonly SourcedEvent[]): Promise<number>;
  read(taskId: string, afterSeq: number, limit: number): Promise<EventPage>;
  /**
   * Yields whenever the task's events or messages may have become more, by whichever process, until the signal aborts. Yields once at
   * the start. A store that is away for a while is waited out.
   */
  changes(taskId: string, signal: AbortSignal): AsyncIterable<void>;
}

import type { DeadLetterReason } from '../dead-letter.ts';
import type { FeedMessage } from './task-feed.ts';

/** Where messages go that can never become a task. */
export interface DeadLetters {
  /** Returns when the message is kept, as it came, with the reason and where it came from. `FeedUnavailableError` where that isn't known. */
  put(message: FeedMessage, reason: DeadLetterReason, detail: string): Promise<void>;
  close(): Promise<void>;
}

import type { EventLog } from '../../../tasks/ports/event-log.ts';
import type { Mailbox, Message } from '../../../tasks/ports/mailbox.ts';
import type { Announce } from './announcer.ts';

/** The messages after a number, as soon as there is one; empty when the signal aborts first. Each is announced as delivered, once. */
export type ReadMessages = (taskId: string, afterSeq: number, signal: AbortSignal) => Promise<readonly Message[]>;

export const createMessageReader = (deps: {
  readonly mailbox: Mailbox;
  readonly events: EventLog;
  readonly announce: Announce;
}): ReadMessages => {
  const waitFor = async (taskId: string, afterSeq: number, signal: AbortSignal): Promise<readonly Message[]> => {
    const present = await deps.mailbox.read(taskId, afterSeq);
    if (present.length > 0 || signal.aborted) return present;
    for await (const _change of deps.events.changes(taskId, signal)) {
      const messages = await deps.mailbox.read(taskId, afterSeq);
      if (messages.length > 0) return messages;
    }
    return [];
  };
  return async (taskId, afterSeq, signal) => {
    const messages = await waitFor(taskId, afterSeq, signal);
    for (const { id, seq, text } of messages) {
      await deps.announce(taskId, 'delivered', { type: 'message', data: { message_id: id, text, change: 'delivered' } }, seq);
    }
    return messages;
  };
};

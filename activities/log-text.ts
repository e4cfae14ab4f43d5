import type { LOG_STREAMS } from '../tasks/events.ts';
import type { EventLog } from '../tasks/ports/event-log.ts';

const PAGE = 500;

/** The text of one log of a task, of all its runs in order, read page by page from the event log. */
export async function* logText(events: EventLog, taskId: string, stream: (typeof LOG_STREAMS)[number]): AsyncGenerator<string> {
  for (let after = 0; ; ) {
    const page = await events.read(taskId, after, PAGE);
    for (const event of page.events) {
      if (event.type === 'log' && event.data.stream === stream) yield event.data.text;
      after = event.seq;
    }
    if (page.events.length < PAGE) return;
  }
}

import type { LOG_STREAMS } from '../tasks/events.ts';
import type { EventLog } from '../tasks/ports/event-log.ts';

const PAGE = 500;

type LogStream = (typeof LOG_STREAMS)[number];

/** The text of a task's log so far, piece by piece, of one stream or of all. */
export async function* readLog(events: EventLog, taskId: string, stream?: LogStream): AsyncGenerator<string, void, void> {
  let last = 0;
  while (true) {
    const page = await events.read(taskId, last, PAGE);
    for (const event of page.events) if (event.type === 'log' && event.data.stream === (stream ?? event.data.stream)) yield event.data.text;
    const newest = page.events.at(-1);
    if (newest === undefined) return;
    last = newest.seq;
  }
}

/** The last `count` lines of a text, with memory for no more than them. */
export const lastLines = async (pieces: AsyncIterable<string>, count: number): Promise<string> => {
  let kept: string[] = [];
  let open = '';
  for await (const piece of pieces) {
    const lines = `${open}${piece}`.split(/(?<=\n)/);
    open = lines.at(-1)?.endsWith('\n') === false ? (lines.pop() ?? '') : '';
    kept = [...kept, ...lines].slice(-count);
  }
  return [...kept, ...(open === '' ? [] : [open])].slice(-count).join('');
};

import { setTimeout as pause } from 'node:timers/promises';
import type { EventLog } from '../../tasks/ports/event-log.ts';
import { frameOf, isLastEvent } from './show-event.ts';

/** Events that become one piece of the stream. */
const PAGE = 200;

export interface StreamOptions {
  readonly events: EventLog;
  readonly taskId: string;
  readonly after: number;
  readonly heartbeatMs: number;
  /** Asked at each heartbeat: whether an event may still come. A task can be erased, or end without its last event. */
  readonly mayGoOn: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

/**
 * The text of an event stream: each event once, in order, as soon as it is stored; a comment where it is silent. Ends after the
 * terminal event, when the signal aborts, and when events were dropped before they could be read (the client's next try gets 410).
 */
export async function* streamEvents({
  events,
  taskId,
  after,
  heartbeatMs,
  mayGoOn,
  signal,
}: StreamOptions): AsyncGenerator<string, void, void> {
  const done = new AbortController();
  const changes = events.changes(taskId, AbortSignal.any([signal, done.signal]))[Symbol.asyncIterator]();
  let last = after;
  let change = changes.next();
  try {
    yield 'retry: 1000\n\n';
    while (!signal.aborted) {
      const heard = await within(change, heartbeatMs, signal);
      if (heard === 'aborted') return;
      if (heard === 'silent') {
        if (!(await mayGoOn())) return;
        yield ': still here\n\n';
        continue;
      }
      if (heard.done === true) return;
      change = changes.next();
      while (!signal.aborted) {
        const page = await events.read(taskId, last, PAGE);
        if (page.expiredThrough > last) return;
        const end = page.events.findIndex(isLastEvent);
        const shown = end === -1 ? page.events : page.events.slice(0, end + 1);
        last = shown.at(-1)?.seq ?? last;
        if (shown.length > 0) yield shown.map(frameOf).join('');
        if (end !== -1) return;
        if (page.events.length < PAGE) break;
      }
    }
  } finally {
    // `return` would wait for the `next` that is under way, which only the signal ends.
    done.abort();
    change.catch(() => undefined);
  }
}

/** What came first: the value, the time, or the end. Leaves no timer and no listener behind. */
const within = async <T>(value: Promise<T>, timeoutMs: number, signal: AbortSignal): Promise<T | 'silent' | 'aborted'> => {
  const settled = new AbortController();
  const either = AbortSignal.any([settled.signal, signal]);
  const silence = pause(timeoutMs, 'silent' as const, { signal: either }).catch(() => 'aborted' as const);
  try {
    return await Promise.race([value, silence]);
  } finally {
    settled.abort();
  }
};

import { setTimeout as pause } from 'node:timers/promises';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { type EventView, eventViewSchema } from '../tasks/event-view.ts';
import { isTerminal } from '../tasks/status.ts';
import { CodebayError } from './error.ts';
import type { Transport } from './transport.ts';

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5000;

export interface FollowOptions {
  readonly request: Transport['request'];
  readonly path: string;
  readonly after: number;
  readonly signal: AbortSignal | undefined;
}

/** A broken connection is a `TypeError` of fetch, by its name, since fetch may belong to another realm; everything else that isn't the API's own answer is a defect and must be seen. */
const isLost = (error: unknown): boolean => {
  if (!(error instanceof CodebayError)) return typeof error === 'object' && error !== null && 'name' in error && error.name === 'TypeError';
  const { status } = error.problem;
  return status === 0 || status >= 500 || status === 429;
};

/**
 * Follows a task's events until its terminal one, asking again with `Last-Event-ID` whenever the stream ends or breaks before that,
 * for as long as the signal lets it. What the API refuses for good (404, 410, 401) is thrown.
 */
export async function* followEvents({ request, path, after, signal }: FollowOptions): AsyncGenerator<EventView, void, undefined> {
  let last = after;
  let retryMs = FIRST_RETRY_MS;
  while (true) {
    signal?.throwIfAborted();
    try {
      const response = await request(path, { signal, headers: { accept: 'text/event-stream', 'last-event-id': String(last) } });
      if (response.status === 204) return;
      const messages = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
      for await (const message of messages ?? []) {
        const event = eventViewSchema.parse(JSON.parse(message.data));
        last = event.seq;
        retryMs = FIRST_RETRY_MS;
        yield event;
        if (event.type === 'status' && isTerminal(event.data.status)) return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (!isLost(error)) throw error;
    }
    await pause(retryMs, undefined, signal === undefined ? {} : { signal });
    retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
  }
}

import { setTimeout as pause } from 'node:timers/promises';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { type EventView, eventViewSchema } from '../../tasks/event-view.ts';

interface Message {
  readonly id: string | undefined;
  readonly event: EventView;
}

/**
 * What a browser's EventSource does, and nothing more: it asks again with the last id whenever the stream ends or breaks. Returns once the
 * server says by 204 that nothing more will come.
 */
export const createEventFollower = (url: string, apiKey: string, signal: AbortSignal) => {
  const seen: Message[] = [];
  const streams = { begun: 0, ended: 0, broken: 0 };
  const readOnce = async (): Promise<boolean> => {
    const last = seen.at(-1)?.id;
    const headers = { authorization: `Bearer ${apiKey}`, accept: 'text/event-stream' };
    const response = await fetch(url, { signal, headers: last === undefined ? headers : { ...headers, 'last-event-id': last } });
    if (response.status === 204) return false;
    streams.begun += 1;
    const messages = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()) ?? [];
    for await (const { id, data } of messages) seen.push({ id, event: eventViewSchema.parse(JSON.parse(data)) });
    streams.ended += 1;
    return true;
  };
  const follow = async (): Promise<void> => {
    for (let more = true; more && !signal.aborted; ) {
      try {
        more = await readOnce();
      } catch {
        streams.broken += 1;
        await pause(50);
      }
    }
  };
  return { seen, streams, follow };
};

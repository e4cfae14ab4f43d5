import type { LOG_STREAMS, NewEvent } from '../../tasks/events.ts';
import type { RunEvents } from '../../tasks/run-protocol.ts';
import type { GatewayClient } from './gateway-client.ts';
import { GatewayRefusedError } from './gateway-error.ts';
import type { RunLife } from './run-life.ts';

export type LogStream = (typeof LOG_STREAMS)[number];

const FLUSH_MS = 1_000;
const EVENT_BYTES = 16 * 1024;
/** Even if JSON takes six bytes for each of theirs, a batch stays below the gateway's cap of 4 MiB. */
const BATCH = 40;
/** What may wait for the gateway; above it, programs that print have to wait. */
const WAITING_BYTES = 1024 * 1024;

export interface EventStream {
  emit(event: NewEvent): void;
  /** Output of a program. Resolves when there is room for more; at once when the run stops, so that nothing hangs on it. */
  log(stream: LogStream, text: string): Promise<void>;
  /** Sends what is left, until the run's `finishing` is aborted. Nothing may be emitted afterwards. */
  close(): Promise<void>;
}

/** Pieces of at most 16 KiB, cut after a line's end where there is one. */
const pieces = (text: string): string[] => {
  const result: string[] = [];
  let rest = text;
  while (Buffer.byteLength(rest) > EVENT_BYTES) {
    // A UTF-16 unit takes at most three bytes.
    const widest = rest.slice(0, Math.floor(EVENT_BYTES / 3));
    const line = widest.lastIndexOf('\n') + 1;
    const cut = line > 0 ? line : widest.length - (/[\uD800-\uDBFF]$/.test(widest) ? 1 : 0);
    result.push(rest.slice(0, cut));
    rest = rest.slice(cut);
  }
  return [...result, rest];
};

/** The run's events, numbered from 1 and sent in order at most once a second; each batch is repeated until the gateway has it. */
export const createEventStream = (deps: {
  readonly gateway: Pick<GatewayClient, 'report'>;
  readonly life: Pick<RunLife, 'working' | 'finishing'>;
  readonly warn: (text: string) => void;
}): EventStream => {
  const { gateway, life, warn } = deps;
  let seq = 0;
  let queue: RunEvents['events'] = [];
  let waitingBytes = 0;
  const unfinished = new Map<LogStream, string>();
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> = Promise.resolve();
  let freed = Promise.withResolvers<void>();
  life.working.addEventListener('abort', () => freed.resolve(), { once: true });

  const push = (event: NewEvent) => {
    seq += 1;
    queue.push({ source_seq: seq, at: Date.now(), event });
  };
  const takeText = (whole: boolean) => {
    for (const [stream, text] of unfinished) {
      const end = text.lastIndexOf('\n') + 1;
      const cut = whole || end === 0 ? text.length : end;
      for (const piece of pieces(text.slice(0, cut))) push({ type: 'log', data: { stream, text: piece } });
      if (cut === text.length) unfinished.delete(stream);
      else unfinished.set(stream, text.slice(cut));
    }
  };
  const send = async (whole: boolean) => {
    takeText(whole);
    const size = waitingBytes;
    const batchOf = queue;
    queue = [];
    for (let from = 0; from < batchOf.length; from += BATCH) {
      try {
        await gateway.report({ events: batchOf.slice(from, from + BATCH) }, life.finishing);
      } catch (error) {
        if (!(error instanceof GatewayRefusedError)) throw error;
        warn(error.message);
      }
    }
    waitingBytes -= size;
    freed.resolve();
    freed = Promise.withResolvers();
  };
  const schedule = () => {
    timer ??= setTimeout(() => {
      // One batch after the other, so that numbers arrive in order.
      sending = sending.then(() => send(false)).catch((error: Error) => warn(`events were not delivered: ${error.message}`));
      void sending.then(() => {
        timer = undefined;
        if (queue.length > 0 || unfinished.size > 0) schedule();
      });
    }, FLUSH_MS);
  };
  return {
    emit: (event) => {
      takeText(true);
      push(event);
      schedule();
    },
    log: async (stream, text) => {
      if (text === '') return;
      unfinished.set(stream, (unfinished.get(stream) ?? '') + text);
      waitingBytes += Buffer.byteLength(text);
      schedule();
      while (waitingBytes > WAITING_BYTES && !life.working.aborted) await freed.promise;
    },
    close: async () => {
      clearTimeout(timer);
      await sending;
      await send(true).catch((error: Error) => warn(`events were not delivered: ${error.message}`));
    },
  };
};

import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { type ClusterConnection, ClusterRefusedError } from './connection.ts';
import { jsonLines } from './json-lines.ts';
import { listSchema } from './objects.ts';

export interface WatchLog {
  warn(fields: object, message: string): void;
}

interface WatchedObject {
  readonly metadata: { readonly uid: string; readonly resourceVersion: string };
}

export interface ListWatchOptions<T extends WatchedObject> {
  readonly cluster: ClusterConnection;
  /** Of the collection, such as `/api/v1/namespaces/runs/pods`. */
  readonly path: string;
  readonly labelSelector: string;
  readonly schema: z.ZodType<T>;
  /** An object as it is now; `gone`: it no longer exists, and this is how it was last seen. */
  readonly onObject: (object: T, gone: boolean) => void;
  /** All that exists has been told. Called after every list. */
  readonly onListed: () => void;
  readonly log: WatchLog;
  /** How long the server is asked to keep one watch open; 10 where absent. A silent one is given up 2 s later. */
  readonly watchSeconds?: number;
}

const WATCH_SECONDS = 10;
/** A server ends its watch in time, so that one which doesn't is dead, however quiet the runs are. */
const SILENCE_SLACK_MS = 2_000;
const PAGE = '500';
/** A server that ends each watch at once must not be asked without end. */
const SOUND_WATCH_MS = 500;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const GONE = 410;

const eventSchema = z.object({ type: z.string(), object: z.unknown() });
const bookmarkSchema = z.object({ metadata: z.object({ resourceVersion: z.string() }) });
const statusSchema = z.object({ code: z.int().default(0), message: z.string().default('') });

/**
 * Follows one collection for ever: a list, then a watch from there; a list again after anything unexpected (an error, 410 Gone,
 * silence), with pauses of up to 5 s in an outage. Whatever happened meanwhile is told by the list, as changes. Ends with the signal.
 */
export const listWatch = async <T extends WatchedObject>(options: ListWatchOptions<T>, signal: AbortSignal): Promise<void> => {
  const { cluster, path, labelSelector, schema, onObject, onListed, log } = options;
  const watchSeconds = options.watchSeconds ?? WATCH_SECONDS;
  const silentMs = watchSeconds * 1000 + SILENCE_SLACK_MS;
  const known = new Map<string, T>();

  const tell = (object: T, gone: boolean): void => {
    if (gone) known.delete(object.metadata.uid);
    else known.set(object.metadata.uid, object);
    onObject(object, gone);
  };

  const list = async (): Promise<string> => {
    const listed = new Map<string, T>();
    let version = '';
    let next: string | undefined = '';
    do {
      const query: Record<string, string> = { labelSelector, limit: PAGE, ...(next === '' ? {} : { continue: next }) };
      const page: z.output<typeof listSchema> = listSchema.parse(await cluster.request('GET', path, { query, signal }));
      for (const item of page.items ?? []) {
        const object = schema.parse(item);
        listed.set(object.metadata.uid, object);
      }
      version = page.metadata.resourceVersion;
      next = page.metadata.continue;
    } while (next);
    for (const [uid, object] of [...known]) if (!listed.has(uid)) tell(object, true);
    for (const [uid, object] of listed) {
      if (known.get(uid)?.metadata.resourceVersion !== object.metadata.resourceVersion) tell(object, false);
    }
    onListed();
    return version;
  };

  /** Ends when the server ends it; returns from where to go on. */
  const watch = async (from: string): Promise<string> => {
    let version = from;
    const query = {
      labelSelector,
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: from,
      timeoutSeconds: String(watchSeconds),
    };
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(new Error(`the watch was silent for ${silentMs} ms`)), silentMs);
    try {
      const pieces = await cluster.stream(path, { query, signal: AbortSignal.any([signal, silence.signal]) });
      for await (const line of jsonLines(pieces)) {
        timer.refresh();
        const { type, object } = eventSchema.parse(line);
        if (type === 'ERROR') {
          const { code, message } = statusSchema.parse(object);
          throw new ClusterRefusedError(code, '', message);
        }
        version = bookmarkSchema.parse(object).metadata.resourceVersion;
        if (type !== 'BOOKMARK') tell(schema.parse(object), type === 'DELETED');
      }
      return version;
    } finally {
      clearTimeout(timer);
    }
  };

  let version: string | null = null;
  let pauseMs = 0;
  const pause = async (): Promise<void> => {
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(Math.max(pauseMs * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
  };
  while (!signal.aborted) {
    const startedAt = performance.now();
    try {
      version ??= await list();
      version = await watch(version);
      if (performance.now() - startedAt > SOUND_WATCH_MS) pauseMs = 0;
      else await pause();
    } catch (error) {
      if (signal.aborted) return;
      version = null;
      const expired = error instanceof ClusterRefusedError && error.status === GONE;
      if (!expired) log.warn({ err: error, path }, 'a watch broke off; the list is asked for again');
      await pause();
    }
  }
};

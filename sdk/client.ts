import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import type { z } from 'zod';
import { type DiffSummary, diffSummarySchema } from '../tasks/diff-summary.ts';
import type { EventView } from '../tasks/event-view.ts';
import type { taskSpecSchema } from '../tasks/spec.ts';
import type { TaskStatus } from '../tasks/status.ts';
import { type ArtifactView, artifactListSchema, type TaskPage, type TaskView, taskPageSchema, taskViewSchema } from '../tasks/task-view.ts';
import { followEvents } from './events.ts';
import { multipartOf } from './multipart.ts';
import { createTransport, type TransportOptions } from './transport.ts';

/** A task as a user writes it; what has a default may be left out. */
export type TaskRequest = z.input<typeof taskSpecSchema>;

export interface SubmitOptions {
  /** For `source.type: 'zip'`: the path of a zip file, or a stream of one. */
  readonly code?: string | Readable;
  /** Makes the submission safe to repeat for a day. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

export interface EventOptions {
  /** Only events with a higher number. */
  readonly after?: number;
  readonly signal?: AbortSignal;
}

export interface CodebayClient {
  submit(task: TaskRequest, options?: SubmitOptions): Promise<TaskView>;
  get(id: string): Promise<TaskView>;
  /** Newest first. */
  list(query?: {
    readonly status?: TaskStatus;
    readonly repo?: string;
    readonly limit?: number;
    readonly cursor?: string;
  }): Promise<TaskPage>;
  cancel(id: string): Promise<TaskView>;
  /** Steers a running task; repeating an `id` is the same message. */
  message(id: string, text: string, messageId?: string): Promise<void>;
  /** Every event once and in order, over lost connections and restarts of the API, until the task has finished. */
  events(id: string, options?: EventOptions): AsyncIterable<EventView>;
  /** The output so far; `tail` in lines. */
  logs(id: string, options?: { readonly tail?: number; readonly stream?: string }): Promise<string>;
  artifacts(id: string): Promise<readonly ArtifactView[]>;
  /** The artifact's bytes; the caller reads or cancels the body. */
  artifact(id: string, name: string): Promise<Response>;
  /** The patch as git made it, byte for byte; empty where nothing changed. */
  diff(id: string): Promise<Uint8Array>;
  diffSummary(id: string): Promise<DiffSummary>;
  erase(id: string): Promise<void>;
}

/** A typed client of the API. Everything the API refuses throws `CodebayError`. */
export const createClient = (options: TransportOptions): CodebayClient => {
  const { request, json } = createTransport(options);
  const pathOf = (id: string, rest = ''): string => `/v1/tasks/${encodeURIComponent(id)}${rest}`;
  const queryOf = (values: Readonly<Record<string, string | number | undefined>>): string => {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
    return query.size === 0 ? '' : `?${query}`;
  };
  const jsonBody = (value: unknown) => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) });

  return {
    submit: (task, { code, idempotencyKey, signal } = {}) => {
      const key: Record<string, string> = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
      const body = code === undefined ? jsonBody(task) : multipartOf(task, typeof code === 'string' ? createReadStream(code) : code);
      return json(taskViewSchema, '/v1/tasks', { method: 'POST', signal, ...body, headers: { ...body.headers, ...key } });
    },
    get: (id) => json(taskViewSchema, pathOf(id)),
    list: (query = {}) => json(taskPageSchema, `/v1/tasks${queryOf(query)}`),
    cancel: (id) => json(taskViewSchema, pathOf(id, '/cancel'), { method: 'POST' }),
    message: async (id, text, messageId) => {
      await (await request(pathOf(id, '/messages'), { method: 'POST', ...jsonBody({ text, id: messageId }) })).body?.cancel();
    },
    events: (id, { after = 0, signal } = {}) => followEvents({ request, path: pathOf(id, '/events'), after, signal }),
    logs: async (id, query = {}) => (await request(pathOf(id, `/logs${queryOf(query)}`))).text(),
    artifacts: async (id) => (await json(artifactListSchema, pathOf(id, '/artifacts'))).data,
    artifact: (id, name) => request(pathOf(id, `/artifacts/${encodeURIComponent(name)}?proxy=1`)),
    diff: async (id) => (await request(pathOf(id, '/diff'), { headers: { accept: 'text/x-diff' } })).bytes(),
    diffSummary: (id) => json(diffSummarySchema, pathOf(id, '/diff'), { headers: { accept: 'application/json' } }),
    erase: async (id) => {
      await request(pathOf(id), { method: 'DELETE' });
    },
  };
};

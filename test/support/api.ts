import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from '../../api/app.ts';
import type { ApiDeps, ApiOptions } from '../../api/deps.ts';
import { createMetrics } from '../../api/metrics.ts';
import { createFilesystemStore } from '../../platform/filesystem.ts';
import type { Cache } from '../../platform/open-cache.ts';
import { outdatingStores } from '../../platform/outdating-stores.ts';
import { createProcessRates } from '../../platform/process/rates.ts';
import { openSqliteStore } from '../../platform/sqlite.ts';
import { DEFAULT_STATION_LIMITS, type StationLimits } from '../../tasks/limits.ts';
import type { Engine, EngineState } from '../../tasks/ports/engine.ts';
import { EngineUnavailableError } from '../../tasks/ports/engine.ts';
import type { TaskProgress } from '../../tasks/task.ts';
import { createStarter } from '../../temporal/starter.ts';

/** An engine that writes down what it is asked for. */
export const createRecordingEngine = () => {
  const calls: string[] = [];
  const state: { up: boolean; describes: EngineState } = { up: true, describes: 'completed' };
  const call = (name: string, taskId: string) => {
    if (!state.up) throw new EngineUnavailableError('down');
    calls.push(`${name} ${taskId}`);
  };
  const engine: Engine = {
    start: async (taskId) => call('start', taskId),
    cancel: async (taskId) => {
      call('cancel', taskId);
      return true;
    },
    describe: async () => {
      if (!state.up) throw new EngineUnavailableError('down');
      return state.describes;
    },
    offerSlot: async (taskId) => call('offerSlot', taskId),
    erase: async (taskId) => call('erase', taskId),
  };
  return { engine, calls, state };
};

export interface TestApiOptions {
  /** Of an API before, whose data this one shares. */
  readonly folder?: string;
  readonly limits?: Partial<StationLimits>;
  readonly options?: Partial<ApiOptions>;
  /** A process of its own where absent. */
  readonly cache?: Pick<Cache, 'statusCache' | 'notifications' | 'rates'>;
  readonly override?: (deps: ApiDeps) => Partial<ApiDeps>;
}

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: object;
}

/** The API over a real SQLite store and a real folder of objects, without a listener. */
export const createTestApi = async ({ folder, limits, options, cache: given, override }: TestApiOptions = {}) => {
  const data = folder ?? (await mkdtemp(join(tmpdir(), 'codebay-api-')));
  const cache = given ?? { statusCache: null, notifications: undefined, rates: createProcessRates() };
  const sqlite = await openSqliteStore(join(data, 'store.db'), { notifications: cache.notifications });
  const stores = outdatingStores(sqlite, cache.statusCache);
  const objects = createFilesystemStore({ root: join(data, 'objects'), publicUrl: 'http://localhost', secret: '5'.repeat(64) });
  const recorder = createRecordingEngine();
  const logged: LogLine[] = [];
  const log = {
    info: (fields: object) => logged.push({ level: 'info', fields }),
    warn: (fields: object) => logged.push({ level: 'warn', fields }),
    error: (fields: object) => logged.push({ level: 'error', fields }),
  };
  const stopping = new AbortController();
  const deps: ApiDeps = {
    stores,
    statusCache: cache.statusCache,
    rates: cache.rates,
    objects,
    links: objects,
    starter: createStarter({ tasks: stores.tasks, outbox: stores.outbox, engine: recorder.engine, log }),
    engine: recorder.engine,
    limits: { ...DEFAULT_STATION_LIMITS, ...limits },
    options: {
      gitAllowedHosts: ['git.test:8080'],
      models: ['small', 'large'],
      prices: { small: { input: 1, output: 2 } },
      ownerLimits: { requestsPerMinute: 0, submissionsPerMinute: 0, tasks: 0 },
      hostnames: null,
      ...options,
    },
    log,
    metrics: createMetrics(stores.tasks),
    stopping: stopping.signal,
  };
  const app = createApp({ ...deps, ...override?.(deps) });
  const key = await stores.apiKeys.create('ada');
  return {
    app,
    data,
    deps,
    stores,
    objects,
    key,
    stopping,
    logged,
    ...recorder,
    /** A request with ada's key. */
    request: async (path: string, init: RequestInit = {}): Promise<Response> => {
      const headers = new Headers(init.headers);
      if (!headers.has('authorization')) headers.set('authorization', `Bearer ${key}`);
      return app.request(path, { ...init, headers });
    },
    close: async () => {
      stopping.abort();
      await stores.close();
      if (folder === undefined) await rm(data, { recursive: true, force: true });
    },
  };
};

export type TestApi = Awaited<ReturnType<typeof createTestApi>>;

export const GIT_TASK = { source: { type: 'git', url: 'https://example.com/team/app.git' }, prompt: 'Fix the test.\nIt is red.' } as const;
export const ZIP_TASK = { source: { type: 'zip' }, prompt: 'Explain this.', mode: 'explain' } as const;

export const jsonRequest = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

/** A form with exactly these parts, in this order. */
export const formRequest = (
  parts: readonly { readonly name: string; readonly value: string | Uint8Array; readonly filename?: string }[],
  headers: Record<string, string> = {},
): RequestInit => {
  const chunks = parts.flatMap(({ name, value, filename }) => [
    Buffer.from(
      `--edge\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n\r\n`,
    ),
    Buffer.from(value),
    Buffer.from('\r\n'),
  ]);
  const body = Buffer.concat([...chunks, Buffer.from('--edge--\r\n')]);
  return { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=edge', ...headers }, body };
};

export const zipForm = (zip: string | Uint8Array, headers: Record<string, string> = {}, task: unknown = ZIP_TASK): RequestInit =>
  formRequest(
    [
      { name: 'task', value: JSON.stringify(task) },
      { name: 'code', value: zip, filename: 'code.zip' },
    ],
    headers,
  );

/** Submits a Git task and moves it, as the workflow would, to where a test wants it. */
export const submitted = async (api: TestApi, patch: Partial<TaskProgress> | null = null): Promise<string> => {
  const response = await api.request('/v1/tasks', jsonRequest(GIT_TASK));
  const { id } = (await response.json()) as { id: string };
  if (patch !== null) await api.stores.tasks.update(id, 1, patch);
  return id;
};

import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { DEFAULT_STATION_LIMITS, type StationLimits } from '../tasks/limits.ts';
import type { RunLimits } from '../tasks/run.ts';
import { ownerSchema } from '../tasks/spec.ts';
import { runnerSettings } from './runner-settings.ts';
import { count, json, limit, list } from './setting-kinds.ts';

const MiB = 1024 * 1024;
const prices = z.record(z.string(), z.object({ input: z.number().nonnegative(), output: z.number().nonnegative() }));

/** Every setting of a station, by the name of its environment variable. Documented in docs/SETTINGS.md. */
const environment = z.object({
  CODEBAY_DATA: z
    .string()
    .default('.codebay')
    .transform((path) => resolve(path)),
  /** Which of its two listeners an API process opens. */
  CODEBAY_LISTENERS: z.enum(['both', 'api', 'gateway']).default('both'),
  CODEBAY_HOST: z.string().default('127.0.0.1'),
  CODEBAY_PORT: z.coerce.number().int().min(0).max(65_535).default(8420),
  /** Where the runs' gateway listens; runs of other machines need it to be more than loopback. */
  CODEBAY_GATEWAY_HOST: z.string().default('127.0.0.1'),
  CODEBAY_GATEWAY_PORT: z.coerce.number().int().min(0).max(65_535).default(8421),
  /** How runs reach the gateway; made from the port where absent. */
  CODEBAY_GATEWAY_URL: z.url().optional(),
  /** How users reach the API; in links. */
  CODEBAY_PUBLIC_URL: z.url().optional(),
  /** The secret that signs run identities and links, where several machines share one; the data folder's where absent. */
  CODEBAY_SECRET_FILE: z.string().optional(),
  TEMPORAL_ADDRESS: z.string().default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: z.string().default('default'),
  CODEBAY_TASK_QUEUE: z.string().default('codebay'),
  /** What a shutdown of the worker does with the runs of this machine. */
  CODEBAY_RUNS_ON_SHUTDOWN: z.enum(['leave', 'stop']).default('leave'),
  /** How long a process that is told to end lets its work come to its end. */
  CODEBAY_DRAIN_SECONDS: count(10),
  /** How long an API that is told to end still takes connections while /readyz fails: as long as its load balancer takes to notice. */
  CODEBAY_DRAIN_NOTICE_SECONDS: z.coerce.number().int().min(0).default(0),
  CODEBAY_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),

  OPENAI_BASE_URL: z.url().default('https://api.openai.com/v1'),
  OPENAI_API_KEY: z.string().default(''),
  /** Models that tasks may name; the first is the default. */
  CODEBAY_MODELS: list.transform((models) => (models.length > 0 ? models : ['gpt-5.1'])),
  /** `{"model": {"input": dollars, "output": dollars}}` per million tokens. */
  CODEBAY_MODEL_PRICES: json(prices, '{}'),
  /** How long an agent goes on asking a model that is rate-limited or failing. */
  CODEBAY_MODEL_RETRY_SECONDS: count(600),
  /** How long one model answer may take, and how long its stream may be silent. */
  CODEBAY_MODEL_TIMEOUT_SECONDS: count(600),
  /** Model requests a minute per task. */
  CODEBAY_MODEL_REQUESTS_PER_MINUTE: count(600),

  /** The production profile, one port at a time. */
  CODEBAY_STORE: z.enum(['sqlite', 'mysql']).default('sqlite'),
  /** `mysql://user:password@host:port/database`. */
  CODEBAY_MYSQL_URL: z.url({ protocol: /^mysql$/ }).optional(),
  /** Connections that one process holds at most. */
  CODEBAY_MYSQL_CONNECTIONS: count(10),
  CODEBAY_CACHE: z.enum(['process', 'redis']).default('process'),
  /** `redis://[user:password@]host:port/db`. */
  CODEBAY_REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  /** Of every key and channel, so that installations can share a server. */
  CODEBAY_REDIS_PREFIX: z.string().default('codebay:'),
  /** How long a request waits for Redis before it goes on without, once in an outage. */
  CODEBAY_REDIS_TIMEOUT_MS: count(80),
  CODEBAY_OBJECTS: z.enum(['folder', 'cos']).default('folder'),
  CODEBAY_COS_SECRET_ID: z.string().optional(),
  CODEBAY_COS_SECRET_KEY: z.string().optional(),
  CODEBAY_COS_REGION: z.string().optional(),
  /** `<name>-<appid>`: uploads, staged code, checkpoints, journaled answers. */
  CODEBAY_COS_CODE_BUCKET: z.string().optional(),
  /** `<name>-<appid>`: the artifacts of tasks. */
  CODEBAY_COS_LOGS_BUCKET: z.string().optional(),
  /** `http://host:port` of a server to connect to in place of Tencent's; names and signatures stay. */
  CODEBAY_COS_ENDPOINT: z.url().optional(),
  /** `host:port` of the brokers; empty: no Kafka. */
  CODEBAY_KAFKA_BROKERS: list,
  CODEBAY_KAFKA_TASKS_TOPIC: z.string().default('codex-tasks'),
  CODEBAY_KAFKA_RESULTS_TOPIC: z.string().default('codex-results'),
  CODEBAY_KAFKA_DLQ_TOPIC: z.string().default('codex-tasks-dlq'),
  CODEBAY_KAFKA_GROUP: z.string().default('codebay-ingest'),
  /** Whose the tasks are that a Temporal client starts without naming an owner. */
  CODEBAY_DEFAULT_OWNER: ownerSchema.default('default'),
  /** Whose the tasks are that come in by Kafka. */
  CODEBAY_KAFKA_OWNER: ownerSchema.default('default'),
  /** Where set, each message names its owner and proves it with this secret. */
  CODEBAY_KAFKA_OWNER_SECRET: z.string().min(16).optional(),
  /** Where ingest answers for its metrics and its health. */
  CODEBAY_INGEST_PORT: z.coerce.number().int().min(0).max(65_535).default(8422),
  /** Where a worker answers for its metrics and its health, on CODEBAY_HOST; nowhere where absent. */
  CODEBAY_WORKER_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  /** What one owner may do; 0 is no limit. */
  CODEBAY_OWNER_REQUESTS_PER_MINUTE: limit(6000),
  CODEBAY_OWNER_SUBMISSIONS_PER_MINUTE: limit(600),
  /** Unfinished tasks at once. */
  CODEBAY_OWNER_MAX_TASKS: limit(1000),
  /** How long finished tasks are kept. */
  CODEBAY_RETENTION_DAYS: count(30),

  ...runnerSettings,
  CODEBAY_ISOLATION: z.enum(['bubblewrap', 'none']).default('bubblewrap'),
  CODEBAY_MAX_RUNS: count(availableParallelism()),
  CODEBAY_RUN_MEMORY_MB: count(4096),
  CODEBAY_RUN_PROCESSES: count(512),
  CODEBAY_RUN_DISK_MB: count(10_240),
  /** More folders of the host that runs may read, for toolchains outside /usr. */
  CODEBAY_RUN_READABLE: list,

  /** `host` or `host:port`: git hosts that may be private or plain http. */
  CODEBAY_GIT_ALLOWED_HOSTS: list,
  /** Where set-up may connect to; empty: every public host. `*.example.com` matches subdomains. */
  CODEBAY_EGRESS_HOSTS: list,
  /** `host:port` of private mirrors that set-up may connect to in spite of their address. */
  CODEBAY_EGRESS_PRIVATE_HOSTS: list,
  /** A JSON file `{"NAME": "value"}`, readable by the API's user only. */
  CODEBAY_SETUP_SECRETS_FILE: z.string().optional(),

  CODEBAY_MAX_ZIP_MB: count(DEFAULT_STATION_LIMITS.zipBytes / MiB),
  CODEBAY_MAX_UNPACKED_MB: count(DEFAULT_STATION_LIMITS.unpackedBytes / MiB),
  CODEBAY_MAX_FILES: count(DEFAULT_STATION_LIMITS.files),
  CODEBAY_MAX_PATH_BYTES: count(DEFAULT_STATION_LIMITS.pathBytes),
  CODEBAY_MAX_ARTIFACT_MB: count(DEFAULT_STATION_LIMITS.artifactBytes / MiB),
});

export type Settings = z.output<typeof environment>;

/** The names of all settings. */
export const SETTING_NAMES: readonly string[] = Object.keys(environment.shape);

export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** Reads the settings from an environment; a wrong one throws `SettingsError` naming it, never its value. */
export const loadSettings = (env: Readonly<Record<string, string | undefined>>): Settings => {
  const known = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = environment.safeParse(known);
  if (parsed.success) return parsed.data;
  throw new SettingsError(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
};

/** What the station accepts, from its settings. */
export const stationLimitsOf = (settings: Settings): StationLimits => ({
  zipBytes: settings.CODEBAY_MAX_ZIP_MB * MiB,
  unpackedBytes: settings.CODEBAY_MAX_UNPACKED_MB * MiB,
  files: settings.CODEBAY_MAX_FILES,
  pathBytes: settings.CODEBAY_MAX_PATH_BYTES,
  artifactBytes: settings.CODEBAY_MAX_ARTIFACT_MB * MiB,
});

/** What every run is granted, from the settings; a log may be as large as an artifact. */
export const runLimitsOf = (settings: Settings): Omit<RunLimits, 'timeMs' | 'setupTimeMs'> => ({
  memoryBytes: settings.CODEBAY_RUN_MEMORY_MB * MiB,
  processes: settings.CODEBAY_RUN_PROCESSES,
  diskBytes: settings.CODEBAY_RUN_DISK_MB * MiB,
  logBytes: settings.CODEBAY_MAX_ARTIFACT_MB * MiB,
});

/** Everything below the data folder has one place. */
export const dataPaths = (data: string) => ({
  store: `${data}/store.db`,
  objects: `${data}/objects`,
  runs: `${data}/runs`,
  logs: `${data}/logs`,
  /** What a worker needs for a while; each has a folder of its own in it. */
  scratch: `${data}/scratch`,
  temporal: `${data}/temporal.db`,
  /** 32 random bytes in hex, mode 600: signs run identities and links. */
  secret: `${data}/secret`,
  /** The first API key in clear, mode 600, for the CLI of this user. */
  apiKey: `${data}/api-key`,
  /** Ports and process ids of the running station. */
  station: `${data}/station.json`,
});

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

/** What a station accepts; each is a setting with this default. */
export interface StationLimits {
  /** Size of an uploaded zip. */
  readonly zipBytes: number;
  /** Size of the code once unpacked, counted by really inflated bytes. */
  readonly unpackedBytes: number;
  readonly files: number;
  /** Length of one path in UTF-8. */
  readonly pathBytes: number;
  readonly artifactBytes: number;
}

export const DEFAULT_STATION_LIMITS: StationLimits = {
  zipBytes: 512 * MiB,
  unpackedBytes: 2 * GiB,
  files: 200_000,
  pathBytes: 4096,
  artifactBytes: 64 * MiB,
};

/** Prompts travel in the workflow's input, whose payload is bounded, and in history for ever. */
export const PROMPT_MAX_BYTES = 64 * 1024;

/** The JSON of a task, by whichever way it comes: a prompt may be six times as long once JSON has escaped it. */
export const TASK_MAX_BYTES = MiB;

/** What a task may use where its spec says nothing. */
export const DEFAULT_TASK_LIMITS = { time_seconds: 3600, setup_seconds: 900, steps: 250, tokens: 4_000_000 } as const;

/** What kind of task it is where its spec says nothing. */
export const DEFAULT_MODE = 'modify';

/** The most a task may ask for. */
export const MAX_TASK_LIMITS = {
  time_seconds: 24 * 3600,
  setup_seconds: 4 * 3600,
  steps: 5000,
  tokens: 1_000_000_000,
  cost_usd: 10_000,
} as const;

/** How many successors a lost, evicted or interrupted run gets before the task fails. */
export const MAX_RESUMES = 3;

export const STATUSES = ['QUEUED', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED'] as const;
export type TaskStatus = (typeof STATUSES)[number];

export const PHASES = [
  'RESOLVING',
  'DOWNLOADING_CODE',
  'SETTING_UP',
  'RUNNING_AGENT',
  'COLLECTING',
  'VERIFYING',
  'OPENING_PULL_REQUEST',
] as const;
/** Where a task that is `PROCESSING` stands. */
export type TaskPhase = (typeof PHASES)[number];

export const WAITS = ['slot', 'budget', 'approval'] as const;
/** What a task that is `PROCESSING` waits for, if it waits. */
export type WaitingFor = (typeof WAITS)[number];

export type TerminalStatus = Extract<TaskStatus, 'COMPLETED' | 'FAILED' | 'CANCELLED'>;

/** Terminal statuses absorb: no write moves a task out of them. */
export const isTerminal = (status: TaskStatus): status is TerminalStatus =>
  status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED';

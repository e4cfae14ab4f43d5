import type { ArtifactName } from './artifacts.ts';
import type { FailureReason } from './failure.ts';
import type { RunKind } from './ids.ts';

/** Where a run stands, by the gateway's word; it only moves to the right. `closed`: nothing more is taken from it. */
export const RUN_PHASES = ['fetching', 'setup', 'agent', 'closed'] as const;
export type RunPhase = (typeof RUN_PHASES)[number];

export interface Blob {
  readonly sha256: string;
  readonly size_bytes: number;
}

/** The newest state of a run that can be gone on from. Blobs stand under `runs/<run>/`. */
export interface Checkpoint {
  readonly run_id: string;
  /** Counts up within the run. */
  readonly seq: number;
  /** The model turn whose request was about to be sent. */
  readonly turn: number;
  /** `git diff --binary --full-index` against the base; null where nothing had changed. */
  readonly delta: Blob | null;
  /** The body of the model request about to be sent; null before the first turn. */
  readonly transcript: Blob | null;
}

/** What the sidecar says at the end; a run without it has not succeeded, whatever its exit code. */
export interface Completion {
  readonly outcome: 'succeeded' | 'failed' | 'interrupted';
  readonly reason: FailureReason | null;
  readonly detail: string;
  /** Of the verify command, for verifying runs. */
  readonly exit_code: number | null;
  readonly artifacts: readonly (Blob & { readonly name: ArtifactName })[];
}

/** One run as the TaskStore keeps it. */
export interface RunRecord {
  readonly id: string;
  readonly task_id: string;
  readonly kind: RunKind;
  readonly epoch: number;
  readonly phase: RunPhase;
  readonly checkpoint: Checkpoint | null;
  readonly completion: Completion | null;
  readonly created_at: number;
  /** When the run got a slot; null while it waits for one. */
  readonly granted_at: number | null;
  readonly ended_at: number | null;
}

/** Hard bounds on one run, enforced from outside its sandbox. */
export interface RunLimits {
  readonly timeMs: number;
  readonly setupTimeMs: number;
  readonly memoryBytes: number;
  readonly processes: number;
  /** Of the run's code, home, output and tmp folders together. */
  readonly diskBytes: number;
  /** Of each log. */
  readonly logBytes: number;
}

/** All that a runner needs to start a run; the code, the task and the limits come from the gateway. */
export interface RunOrder {
  readonly runId: string;
  readonly gatewayUrl: string;
  /** The run's identity: a bearer token for the gateway, known to the sidecar alone. */
  readonly identity: string;
  readonly limits: RunLimits;
  /** The image of what isn't ours, where it isn't the runner's own default; from the operator's list. */
  readonly image?: string;
  /**
   * `host:port`, or `[IPv6]:port`, that no connection from the run may reach; the sidecar proves it before anything untrusted starts.
   * Absent or empty: nothing is proved.
   */
  readonly forbidden?: readonly string[];
}

/** What a runner sees of a run. */
export type RunObservation =
  | { readonly state: 'absent' }
  | { readonly state: 'running' }
  | { readonly state: 'exited'; readonly exit: RunExit };

/** How a run ended, from facts alone. */
export interface RunExit {
  readonly exitCode: number | null;
  readonly cause: RunExitCause;
  readonly detail: string;
}

/**
 * `lost`: it vanished (killed, rebooted); `evicted`: whoever runs the machines took them away; `stopped`: by `Runner.stop`; `refused`: the
 * cluster won't have it (a quota, a policy); `unschedulable`: no machine has room; `not_started`: a container can't be made.
 */
export const RUN_EXIT_CAUSES = [
  'finished',
  'stopped',
  'lost',
  'evicted',
  'out_of_memory',
  'timed_out',
  'disk_full',
  'isolation',
  'image_pull',
  'refused',
  'unschedulable',
  'not_started',
] as const;
export type RunExitCause = (typeof RUN_EXIT_CAUSES)[number];

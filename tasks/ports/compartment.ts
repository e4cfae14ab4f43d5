import type { Readable } from 'node:stream';

/** Where a run's folders appear to a program inside a compartment. */
export interface CompartmentPaths {
  readonly code: string;
  readonly home: string;
  readonly output: string;
  readonly tmp: string;
  /** Holds `task.json`, read-only inside. */
  readonly task: string;
  /** Read-only: this installation (`agent/`, `tasks/`, `node_modules/`, `package.json`). */
  readonly install: string;
  /** The Node binary. */
  readonly node: string;
  /** Where `sockets` of a command appears. */
  readonly sockets: string;
  /** Where the sidecar's private folder appears to commands that ask for it. */
  readonly side: string;
}

export interface CompartmentCommand {
  readonly argv: readonly [string, ...string[]];
  /** On top of PATH, HOME, TMPDIR, LANG and what the run's image sets, if it has one; nothing of the host's environment is passed. */
  readonly env?: Readonly<Record<string, string>>;
  /** As it appears inside. */
  readonly cwd: string;
  /** A folder of the host with unix sockets, shown at `paths.sockets`: the only way out. Absent: no way out. */
  readonly sockets?: string;
  /** Show the sidecar's private folder (its git dir), writable. Only for the sidecar's own tools, never for set-up, agent or verify. */
  readonly side?: boolean;
  readonly stdin?: Readable;
  /** Output as it comes. Without `onStderr`, both streams arrive at `onStdout` in order. Awaited: back-pressure. */
  readonly onStdout?: (chunk: Buffer) => void | Promise<void>;
  readonly onStderr?: (chunk: Buffer) => void | Promise<void>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface CompartmentExit {
  readonly exitCode: number | null;
  readonly cause: 'finished' | 'timed_out' | 'aborted' | 'out_of_memory' | 'disk_full';
}

/** Thrown where the place itself could not be made: the command never ran. */
export class CompartmentUnavailableError extends Error {
  override readonly name = 'CompartmentUnavailableError';
}

/** Thrown where the place itself ended while the command ran: killed from outside, or out of memory as a whole. Whoever made it may know. */
export class CompartmentLostError extends Error {
  override readonly name = 'CompartmentLostError';
}

/** A place without network where programs of one run execute under its limits, apart from whatever ran in it before. */
export interface Compartment {
  readonly paths: CompartmentPaths;
  /**
   * Resolves when the whole process tree of the command is gone. Rejects with `CompartmentUnavailableError`, `CompartmentLostError`. Two
   * commands may wait for one another, unless one of them has `side` or `stdin` and the other one has neither.
   */
  run(command: CompartmentCommand): Promise<CompartmentExit>;
  /** Ends everything that runs in it by force. */
  destroy(): Promise<void>;
}

import type { Readable } from 'node:stream';
import type { TaskSource } from '../spec.ts';
import type { StoredObject } from './object-store.ts';

export type GitSource = Extract<TaskSource, { type: 'git' }>;

export interface StageInput {
  readonly source: TaskSource;
  /** The pinned commit of a git source. */
  readonly commit: string | null;
  /** The uploaded zip of a zip source. */
  readonly zip: Readable | null;
  readonly signal: AbortSignal;
  /** Called now and then with bytes so far, for heartbeats. */
  readonly onProgress: (bytes: number) => void;
}

/** Gets code from outside. Everything it throws for a reason of the input is a `FailureError`. */
export interface CodeSource {
  /** Pins branch, tag, commit or default branch to a commit id; `branch` is the one whose tip it is, null where no branch was asked for. */
  resolve(source: GitSource, signal: AbortSignal): Promise<{ readonly commit: string; readonly branch: string | null }>;
  /**
   * Clones or unpacks into a temporary folder and streams it to `sink` as a zstd-compressed tar: the work tree with bytes
   * exactly as committed, and a fresh `.git` with one base commit checked out. Leaves nothing behind on the machine.
   */
  stage(
    input: StageInput,
    sink: (archive: Readable) => Promise<StoredObject>,
  ): Promise<{ readonly object: StoredObject; readonly files: number }>;
}

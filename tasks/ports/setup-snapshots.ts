import type { Blob } from '../run.ts';

/** What one set-up made, in the object store under `setupSnapshotKey`. */
export interface SetupSnapshot extends Blob {
  /** 64 hex digits; equal where content and trust of the set-up are. */
  readonly id: string;
  /** The only one whose tasks may have it. */
  readonly owner: string;
  /** Milliseconds since 1970. */
  readonly created_at: number;
}

/** Which snapshots there are: one exists by its row, which is written once its object is whole. */
export interface SetupSnapshots {
  /** Marks it as used now. */
  find(owner: string, id: string): Promise<SetupSnapshot | null>;
  /** Takes the place of an older one of the same id. */
  save(snapshot: Omit<SetupSnapshot, 'created_at'>): Promise<void>;
  /** Those made before a time, and beyond so many bytes in all those that were not used for longest. */
  surplus(limits: { readonly createdBefore: number; readonly maxBytes: number }): Promise<readonly SetupSnapshot[]>;
  /** Nothing happens where another one has taken its place. */
  remove(snapshot: SetupSnapshot): Promise<void>;
}

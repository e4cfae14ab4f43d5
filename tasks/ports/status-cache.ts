/** A task as the API shows it. */
export interface CachedTask {
  readonly owner: string;
  /** Of the row that was shown, by `taskVersion`. */
  readonly version: number;
  readonly json: string;
  /** Until when it may be shown without a look at the store, in milliseconds since 1970. */
  readonly freshUntil: number;
}

/**
 * Tasks for those who poll, kept beside the store and never instead of it. Nothing here throws or waits long: where the cache can't
 * answer, `get` finds nothing and a write is dropped, so that an entry can be older than the store for as long as it is fresh.
 */
export interface StatusCache {
  /** Null where nothing fresh is known. */
  get(taskId: string): Promise<CachedTask | null>;
  /** Compare-and-set: what is known in a higher version stays. */
  put(taskId: string, entry: CachedTask): Promise<void>;
  /** Drops what is known in a lower version, and keeps such out for longer than a late writer takes. False where that isn't known to be done. */
  outdate(taskId: string, version: number): Promise<boolean>;
  /** Drops an erased task, and keeps it out as `outdate` does. */
  remove(taskId: string): Promise<void>;
}

/** How long a task may be shown without a look at the store. Only an erasure changes a terminal one. */
export const FRESH_MS = { unfinished: 2000, terminal: 5000 } as const;

/** How long a dropped version is kept out: longer than any entry may be fresh. */
export const KEPT_OUT_MS = 10_000;

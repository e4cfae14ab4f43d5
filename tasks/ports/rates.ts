export type Taken = { readonly granted: true } | { readonly granted: false; readonly retryAfterMs: number };

export interface RateLimit {
  /** Takes one of the key's minute. Never throws: where the processes can't share the limit, each one keeps it by itself. */
  take(key: string): Promise<Taken>;
}

/** Limits on how often something may be done, shared by all processes where they share a cache. */
export interface Rates {
  /** Limits of the same name are one, so it is asked for once with one number. */
  limit(name: string, perMinute: number): RateLimit;
}

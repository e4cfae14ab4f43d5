/** API keys; only their hashes are kept. */
export interface ApiKeys {
  /** Makes and returns a key (`cbk_…`); it can't be shown again. */
  create(owner: string): Promise<string>;
  /** The owner of a live key, null for any other string. */
  verify(key: string): Promise<string | null>;
}

export type Admission =
  /** Go on, under this task id. `takenOver`: an earlier request died in the middle, the id is its. */
  | { readonly outcome: 'reserved'; readonly taskId: string; readonly takenOver: boolean }
  /** The same key and body were answered before. */
  | { readonly outcome: 'replay'; readonly taskId: string }
  | { readonly outcome: 'mismatch' }
  /** Another request holds the lease. */
  | { readonly outcome: 'in_progress'; readonly retryAfterMs: number };

/** Idempotency-Key of submissions, kept for at least 24 hours. */
export interface IdempotencyKeys {
  /** Takes or finds (owner, key). The body's hash is compared at `complete`, because an upload's hash is known only at its end. */
  reserve(
    owner: string,
    key: string,
    taskId: string,
    leaseMs: number,
  ): Promise<Admission | { readonly outcome: 'compare'; readonly taskId: string; readonly bodySha256: string }>;
  /** Extends the lease of a request that is still at work, as long uploads are. */
  renew(owner: string, key: string, leaseMs: number): Promise<void>;
  /** Records the answer; `bodySha256` covers the canonical fields and the zip's hash. */
  complete(owner: string, key: string, bodySha256: string): Promise<void>;
  /** Gives the key free again after a refused submission. */
  release(owner: string, key: string): Promise<void>;
}

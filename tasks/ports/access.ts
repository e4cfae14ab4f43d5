/** What is known of an API key; the key itself isn't. Times are milliseconds since 1970. */
export interface ApiKey {
  /** The first digits of the key's hash. */
  readonly id: string;
  readonly owner: string;
  readonly label: string | null;
  readonly created_at: number;
  /** To the hour; null where it was never used. */
  readonly last_used_at: number | null;
  readonly revoked_at: number | null;
}

/** API keys; only their hashes are kept. */
export interface ApiKeys {
  /** Makes and returns a key (`cbk_…`); it can't be shown again. The label is for whoever lists the keys. */
  create(owner: string, label?: string): Promise<string>;
  /** The owner of a live key, null for any other string. */
  verify(key: string): Promise<string | null>;
  /** All keys, revoked ones too, oldest first. */
  list(): Promise<readonly ApiKey[]>;
  /** From now on `verify` knows the key no more. Idempotent; false where no key has this id. */
  revoke(id: string): Promise<boolean>;
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

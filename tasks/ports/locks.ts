/**
 * Leases by name, against doing the same work twice. They are no proof of being alone: a lease may lapse under its holder, and where the
 * processes can't share a cache, each one has its own.
 */
export interface Locks {
  /** A token for as long as the lease lasts; null where somebody else holds it. */
  lock(name: string, leaseMs: number): Promise<string | null>;
  /** False where the lease has lapsed: the work may be somebody else's by now. */
  renew(name: string, token: string, leaseMs: number): Promise<boolean>;
  /** False where the token isn't, or is no longer, the holder's; nothing happens then. */
  release(name: string, token: string): Promise<boolean>;
}

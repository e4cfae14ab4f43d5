import type { IdempotencyKeys } from '../../tasks/ports/access.ts';
import type { Log } from '../deps.ts';

export interface Lease extends AsyncDisposable {
  /** The submission is answered for good. */
  complete(bodySha256: string): Promise<void>;
  /** The submission was refused; the key is free for a corrected one. */
  release(): Promise<void>;
}

/** Holds (owner, key) for as long as the request works, so that a process that dies in between loses it after `leaseMs`. */
export const holdLease = (keys: IdempotencyKeys, log: Log, owner: string, key: string, leaseMs: number): Lease => {
  const timer = setInterval(() => {
    keys.renew(owner, key, leaseMs).catch((err: unknown) => log.warn({ err }, 'an idempotency lease was not renewed'));
  }, leaseMs / 3);
  timer.unref();
  return {
    complete: (bodySha256) => keys.complete(owner, key, bodySha256),
    release: () => keys.release(owner, key),
    [Symbol.asyncDispose]: async () => clearInterval(timer),
  };
};

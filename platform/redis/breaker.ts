import { isRefusal, reasonOf } from './outage.ts';

export interface RedisLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface Breaker {
  /** The work's result, or that of `otherwise` where Redis fails or was found to a moment ago: then nobody waits for it again. */
  attempt<T>(work: () => Promise<T>, otherwise: () => T | Promise<T>): Promise<T>;
  /** Redis is known to be away. */
  open(error: unknown): void;
  /** Redis is known to answer. */
  close(): void;
}

const REST_MS = 500;
const REFUSAL_LOGGED_EVERY_MS = 60_000;

/** Passes over a Redis that is slow or gone, and asks in the background whether it is back. Tells the log when that changes. */
export const createBreaker = (deps: {
  readonly ping: () => Promise<unknown>;
  readonly log: RedisLog;
  readonly now: () => number;
}): Breaker => {
  let pingAt: number | null = null;
  let refusalLoggedAt = Number.NEGATIVE_INFINITY;
  /** How to fail the attempts that wait now. */
  const underWay = new Set<(error: unknown) => void>();
  const open = (error: unknown): void => {
    if (pingAt === null) deps.log.warn({ reason: reasonOf(error) }, 'Redis does not answer; going on without it');
    pingAt = deps.now() + REST_MS;
    for (const fail of underWay) fail(error);
  };
  const close = (): void => {
    if (pingAt !== null) deps.log.info({}, 'Redis answers again');
    pingAt = null;
  };
  const noteRefusal = (error: unknown): void => {
    if (deps.now() - refusalLoggedAt < REFUSAL_LOGGED_EVERY_MS) return;
    refusalLoggedAt = deps.now();
    deps.log.warn({ reason: reasonOf(error) }, 'Redis refuses commands; going on without them');
  };
  return {
    attempt: async <T>(work: () => Promise<T>, otherwise: () => T | Promise<T>): Promise<T> => {
      if (pingAt !== null) {
        if (deps.now() >= pingAt) {
          pingAt = Number.POSITIVE_INFINITY;
          deps.ping().then(close, open);
        }
        return otherwise();
      }
      // Commands go out in batches, one after the other: who waits behind a batch that fails would wait once more.
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      underWay.add(reject);
      work().then(resolve, reject);
      try {
        return await promise;
      } catch (error) {
        if (isRefusal(error)) noteRefusal(error);
        else open(error);
        return otherwise();
      } finally {
        underWay.delete(reject);
      }
    },
    open,
    close,
  };
};

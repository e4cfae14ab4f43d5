import { randomUUID } from 'node:crypto';
import type { Locks } from '../../tasks/ports/locks.ts';

/** Within one process. */
export const createProcessLocks = (now: () => number = Date.now): Locks => {
  const leases = new Map<string, { readonly token: string; readonly until: number }>();
  const isHeld = (name: string, token?: string): boolean => {
    const lease = leases.get(name);
    return lease !== undefined && lease.until > now() && (token === undefined || lease.token === token);
  };
  return {
    lock: async (name, leaseMs) => {
      if (isHeld(name)) return null;
      const token = randomUUID();
      leases.set(name, { token, until: now() + leaseMs });
      return token;
    },
    renew: async (name, token, leaseMs) => {
      if (!isHeld(name, token)) return false;
      leases.set(name, { token, until: now() + leaseMs });
      return true;
    },
    release: async (name, token) => isHeld(name, token) && leases.delete(name),
  };
};

import { hash } from 'node:crypto';
import type { ApiKeys } from '../../tasks/ports/access.ts';

/** How long a key that was taken back may go on being taken. */
const KNOWN_MS = 5000;
const KEPT_KEYS = 1000;

/** Remembers for a moment whose key it was, by its hash. Wrong keys are asked for anew each time. */
export const createKnownKeys = (apiKeys: ApiKeys, now: () => number): ApiKeys['verify'] => {
  const known = new Map<string, { readonly owner: string; readonly until: number }>();
  return async (key) => {
    const sha256 = hash('sha256', key, 'base64');
    const hit = known.get(sha256);
    if (hit !== undefined && hit.until > now()) return hit.owner;
    const owner = await apiKeys.verify(key);
    known.delete(sha256);
    if (owner !== null) known.set(sha256, { owner, until: now() + KNOWN_MS });
    const [oldest] = known.keys();
    if (known.size > KEPT_KEYS && oldest !== undefined) known.delete(oldest);
    return owner;
  };
};

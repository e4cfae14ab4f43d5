import type { ApiKeys } from '../../tasks/ports/access.ts';

/** How long a key that was taken back may go on being taken. */
const KNOWN_MS = 5000;
const KEPT_KEYS = 1000;

/** Remembers for a moment whose key it was. Wrong keys are asked for anew each time. */
export const createKnownKeys = (apiKeys: ApiKeys, now: () => number): ApiKeys['verify'] => {
  const known = new Map<string, { readonly owner: string; readonly until: number }>();
  return async (key) => {
    const hit = known.get(key);
    if (hit !== undefined && hit.until > now()) return hit.owner;
    const owner = await apiKeys.verify(key);
    known.delete(key);
    if (owner !== null) known.set(key, { owner, until: now() + KNOWN_MS });
    const [oldest] = known.keys();
    if (known.size > KEPT_KEYS && oldest !== undefined) known.delete(oldest);
    return owner;
  };
};

import { checkGitUrl } from './git-url.ts';
import type { TaskSpec } from './spec.ts';
import type { ModelPrice } from './usage.ts';

/** What a station offers, as far as it decides which tasks it takes. */
export interface StationOffer {
  /** What tasks may name; the first is the default. */
  readonly models: readonly [string, ...string[]];
  readonly prices: Readonly<Record<string, ModelPrice>>;
  /** `host` or `host:port` of Git hosts that may be private or plain http. */
  readonly gitAllowedHosts: readonly string[];
}

export interface Refusal {
  readonly code: 'UNSUPPORTED' | 'MODEL_UNKNOWN' | 'PRICE_UNKNOWN' | 'SOURCE_REFUSED';
  /** A sentence for the user that repeats nothing secret. */
  readonly detail: string;
}

/** Refuses at once what this station could never do, so that nobody waits for a task to fail; null for what it takes. Every way in asks here. */
export const refusalOf = ({ source, mode, model, limits }: TaskSpec, { models, prices, gitAllowedHosts }: StationOffer): Refusal | null => {
  if (mode === 'pull_request') {
    return { code: 'UNSUPPORTED', detail: 'mode: pull_request is not available yet; use modify and apply diff.patch yourself.' };
  }
  const chosen = model ?? models[0];
  if (!models.includes(chosen)) return { code: 'MODEL_UNKNOWN', detail: `model: this station offers ${models.join(', ')}.` };
  if (limits?.cost_usd !== undefined && prices[chosen] === undefined) {
    return { code: 'PRICE_UNKNOWN', detail: `limits.cost_usd: no price is configured for ${chosen}.` };
  }
  if (source.type !== 'git') return null;
  const check = checkGitUrl(source.url, gitAllowedHosts);
  return check.allowed ? null : { code: 'SOURCE_REFUSED', detail: `source.url: ${check.detail}.` };
};

import { checkGitUrl } from '../../tasks/git-url.ts';
import type { TaskSpec } from '../../tasks/spec.ts';
import type { ApiOptions } from '../deps.ts';
import { ApiProblem } from '../problem.ts';

/** Refuses at once what this station could never do, so that nobody waits for a task to fail. */
export const checkAdmissible = (
  { source, mode, model, limits }: TaskSpec,
  { models, prices, gitAllowedHosts }: Pick<ApiOptions, 'models' | 'prices' | 'gitAllowedHosts'>,
): void => {
  if (mode === 'pull_request') {
    throw new ApiProblem('UNSUPPORTED', 'mode: pull_request is not available yet; use modify and apply diff.patch yourself.');
  }
  const chosen = model ?? models[0];
  if (!models.includes(chosen)) throw new ApiProblem('MODEL_UNKNOWN', `model: this station offers ${models.join(', ')}.`);
  if (limits?.cost_usd !== undefined && prices[chosen] === undefined) {
    throw new ApiProblem('PRICE_UNKNOWN', `limits.cost_usd: no price is configured for ${chosen}.`);
  }
  if (source.type !== 'git') return;
  const check = checkGitUrl(source.url, gitAllowedHosts);
  if (!check.allowed) throw new ApiProblem('SOURCE_REFUSED', `source.url: ${check.detail}.`);
};

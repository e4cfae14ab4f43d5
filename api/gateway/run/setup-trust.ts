import { repositoryAddressOf } from '../../../tasks/repository-address.ts';
import type { TaskRecord } from '../../../tasks/task.ts';
import { matchesName } from './name-pattern.ts';
import type { SecretScope } from './setup-secrets.ts';

/** Whether the task's commit was the tip of a branch that the operator named. */
export const isOnNamedBranch = ({ spec, branch }: TaskRecord, namedBranches: readonly string[]): boolean =>
  spec.source.type === 'git' && branch !== null && namedBranches.some((pattern) => matchesName(pattern, branch));

export const secretScopeOf = ({ owner, spec }: TaskRecord): SecretScope => ({ owner, repository: repositoryAddressOf(spec.source) });

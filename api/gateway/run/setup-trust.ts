import type { TaskRecord } from '../../../tasks/task.ts';
import { matchesName } from './name-pattern.ts';
import type { SecretScope } from './setup-secrets.ts';

/** Whether the task's commit was the tip of a branch that the operator named. */
export const isOnNamedBranch = ({ spec, branch }: TaskRecord, namedBranches: readonly string[]): boolean =>
  spec.source.type === 'git' && branch !== null && namedBranches.some((pattern) => matchesName(pattern, branch));

/** Read by the same parser as the one that fetches; a path with escapes may mean another repository to its server, and fits no scope. */
const repositoryOf = (task: TaskRecord): string | null => {
  const { source } = task.spec;
  if (source.type !== 'git' || !URL.canParse(source.url)) return null;
  const { host, pathname } = new URL(source.url);
  if (!/^[\w.~/-]+$/.test(pathname) || pathname.includes('//')) return null;
  return `${host}${pathname.replace(/\/$/, '').replace(/\.git$/, '')}`;
};

export const secretScopeOf = (task: TaskRecord): SecretScope => ({ owner: task.owner, repository: repositoryOf(task) });

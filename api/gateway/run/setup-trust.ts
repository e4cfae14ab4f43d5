import type { TaskRecord } from '../../../tasks/task.ts';
import { matchesName } from './name-pattern.ts';
import type { SetupVerdict } from './setup-policy.ts';
import type { SecretScope } from './setup-secrets.ts';

/** Why a set-up script may have secrets: an operator approved its content, or the commit is the tip of a branch that he named. */
export type SetupTrust = 'approved' | 'branch' | 'none';

export const setupTrustOf = (task: TaskRecord, verdict: SetupVerdict, namedBranches: readonly string[]): SetupTrust => {
  if (verdict.approved) return 'approved';
  const { branch } = task;
  if (task.spec.source.type !== 'git' || branch === null) return 'none';
  return namedBranches.some((pattern) => matchesName(pattern, branch)) ? 'branch' : 'none';
};

/** Read by the same parser as the one that fetches; a path with escapes may mean another repository to its server, and fits no scope. */
const repositoryOf = (task: TaskRecord): string | null => {
  const { source } = task.spec;
  if (source.type !== 'git' || !URL.canParse(source.url)) return null;
  const { host, pathname } = new URL(source.url);
  if (!/^[\w.~/-]+$/.test(pathname) || pathname.includes('//')) return null;
  return `${host}${pathname.replace(/\/$/, '').replace(/\.git$/, '')}`;
};

export const secretScopeOf = (task: TaskRecord): SecretScope => ({ owner: task.owner, repository: repositoryOf(task) });

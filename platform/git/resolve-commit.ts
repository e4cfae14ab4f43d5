import { FailureError } from '../../tasks/failure.ts';
import { diagnoseRemote, speaksGit } from './diagnose.ts';
import type { Git } from './git.ts';
import type { Remote } from './remote.ts';

/** A full commit id: SHA-1 or SHA-256, lower case. */
export const isCommitId = (text: string): boolean => /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text);

const BRANCHES = 'refs/heads/';
/** Of a column, and of a task's own `ref`. */
const MAX_BRANCH_CHARACTERS = 255;

export interface PinnedCommit {
  readonly commit: string;
  /** The branch that was asked for, or the default one; null for tags and commit ids. */
  readonly branch: string | null;
}

/** What each name stands for: a commit id or, for a symbolic ref, `ref: ` and a name, which `--symref` lists first. */
const parseRefs = (answer: string): ReadonlyMap<string, string> =>
  new Map(
    answer
      .split('\n')
      .filter((line) => line.includes('\t'))
      .map((line) => line.split('\t') as [string, string])
      .map(([id, name]) => (id.startsWith('ref: ') ? [`${id.slice(0, 5)}${name}`, id.slice(5)] : [name, id])),
  );

const branchOf = (name: string, found: ReadonlyMap<string, string>): string | null => {
  const full = found.get(`ref: ${name}`) ?? name;
  const branch = full.startsWith(BRANCHES) ? full.slice(BRANCHES.length) : null;
  return branch !== null && branch.length <= MAX_BRANCH_CHARACTERS ? branch : null;
};

/**
 * Pins a branch, a tag (peeled to its commit), a full ref name, a full commit id or the default branch to a commit id.
 * Where a branch and a tag share a name the branch is meant, as in `git clone --branch`.
 * A commit id is only known to exist once it is fetched. Throws SOURCE_NOT_FOUND, SOURCE_EMPTY or SOURCE_UNREACHABLE.
 */
export const resolveCommit = async ({
  git,
  cwd,
  remote,
  ref,
  signal,
  timeoutMs,
}: {
  readonly git: Git;
  readonly cwd: string;
  readonly remote: Remote;
  readonly ref: string | undefined;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}): Promise<PinnedCommit> => {
  const list = async (...patterns: readonly string[]): Promise<ReadonlyMap<string, string>> => {
    try {
      const answer = await git(['ls-remote', '--quiet', '--symref', '--', remote.url, ...patterns], {
        cwd,
        config: remote.config,
        signal,
        timeoutMs,
      });
      return parseRefs(answer);
    } catch (error) {
      throw await diagnoseRemote(error, remote, signal);
    }
  };
  const names = ref === undefined ? ['HEAD'] : ref.startsWith('refs/') ? [ref] : [`${BRANCHES}${ref}`, `refs/tags/${ref}`];
  const wanted = ref !== undefined && isCommitId(ref.toLowerCase()) ? [] : names.flatMap((name) => [`${name}^{}`, name]);
  const found = await list(...(wanted.length === 0 ? ['HEAD'] : wanted));
  // The peeled name of an annotated tag stands first; a branch stands before a tag.
  const name = wanted.find((one) => found.has(one)) ?? '';
  const commit = found.get(name);
  if (commit !== undefined && isCommitId(commit)) return { commit, branch: branchOf(name, found) };
  if (found.size === 0 && (await list()).size === 0) {
    if (!(await speaksGit(remote, signal))) throw new FailureError('SOURCE_NOT_FOUND', `${remote.host} answers, but not as a git server`);
    throw new FailureError('SOURCE_EMPTY', 'the repository has no commit yet');
  }
  if (wanted.length === 0 && ref !== undefined) return { commit: ref.toLowerCase(), branch: null };
  throw new FailureError(
    'SOURCE_NOT_FOUND',
    ref === undefined ? 'the repository has no default branch' : `the repository has no branch, tag or commit named ${JSON.stringify(ref)}`,
  );
};

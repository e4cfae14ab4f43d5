import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { FailureError } from '../../tasks/failure.ts';
import { GitError, GitTimeoutError } from './git.ts';
import type { Remote } from './remote.ts';

const PROBE_TIMEOUT_MS = 10_000;
const ADVERTISEMENT = 'application/x-git-upload-pack-advertisement';

/** Answers with the checked addresses only, so that the probe can't be led elsewhere either. */
const pinnedLookup =
  (remote: Remote): LookupFunction =>
  (_host, options, callback) => {
    const checked = remote.addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    if (options.all === true) callback(null, checked);
    else callback(null, checked[0]?.address ?? '', checked[0]?.family);
  };

interface Answer {
  readonly status: number;
  /** Whether it came from git's smart protocol; a web page can be a 200 too. */
  readonly isGit: boolean;
}

const probe = (remote: Remote, signal: AbortSignal): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const url = `${remote.url.replace(/\/+$/, '')}/info/refs?service=git-upload-pack`;
    const request = (url.startsWith('https:') ? requestHttps : requestHttp)(
      url,
      { agent: false, lookup: pinnedLookup(remote), signal: AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]) },
      (response) => {
        response.destroy();
        resolve({ status: response.statusCode ?? 0, isGit: response.headers['content-type'] === ADVERTISEMENT });
      },
    );
    request.on('error', reject).end();
  });

/** Whether a remote answers as git's smart protocol; the old one, plain files, is not used. */
export const speaksGit = async (remote: Remote, signal: AbortSignal): Promise<boolean> =>
  probe(remote, signal).then(
    ({ isGit }) => isGit,
    () => false,
  );

/**
 * Why git could not talk to a remote. Git says it in prose only, so the remote is asked once more for the fact: an HTTP
 * status, or no answer. Errors that are not git's are handed back as they are.
 */
export const diagnoseRemote = async (error: unknown, remote: Remote, signal: AbortSignal): Promise<unknown> => {
  if (error instanceof GitTimeoutError) {
    return new FailureError('SOURCE_UNREACHABLE', `the host ${remote.host} did not answer in time`, { cause: error });
  }
  if (!(error instanceof GitError)) return error;
  const answer = await probe(remote, signal).catch(() => null);
  signal.throwIfAborted();
  const failure = (reason: 'SOURCE_UNREACHABLE' | 'SOURCE_NOT_FOUND' | 'SOURCE_REFUSED', detail: string): FailureError =>
    new FailureError(reason, detail, { cause: error });
  if (answer === null) return failure('SOURCE_UNREACHABLE', `the host ${remote.host} could not be reached: ${error.lastLine}`);
  const { status, isGit } = answer;
  if (status === 401 || status === 403) return failure('SOURCE_NOT_FOUND', `${remote.host} asks for a credential (HTTP ${status})`);
  if (status === 404 || status === 410) return failure('SOURCE_NOT_FOUND', `${remote.host} has no such repository (HTTP ${status})`);
  if (status >= 300 && status < 400) {
    return failure('SOURCE_REFUSED', `${remote.host} redirects elsewhere (HTTP ${status}); name the final URL`);
  }
  if (status === 200 && !isGit) return failure('SOURCE_NOT_FOUND', `${remote.host} answers, but not as a git server`);
  if (status === 200) return failure('SOURCE_UNREACHABLE', `git could not fetch from ${remote.host}: ${error.lastLine}`);
  return failure('SOURCE_UNREACHABLE', `the host ${remote.host} answered with HTTP ${status}`);
};

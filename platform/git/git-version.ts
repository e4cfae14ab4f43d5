import { FailureError } from '../../tasks/failure.ts';
import type { Git } from './git.ts';

/** The first git that knows `http.curloptResolve`; older ones ignore it without a word. */
const FIRST = [2, 37] as const;
export const OLDEST_PINNING_GIT = FIRST.join('.');

/** Whether a git that answers `git --version` like this connects to no address but those it is given. */
export const canPin = (versionLine: string): boolean => {
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(versionLine) ?? [];
  return Number(major) > FIRST[0] || (Number(major) === FIRST[0] && Number(minor) >= FIRST[1]);
};

/**
 * A check, made once and only when first needed, that the station's git can be kept to checked addresses. Rejects with UNSUPPORTED where
 * it can't: it would resolve the host a second time, and a second answer may lead into the station's own network.
 */
export const createPinningCheck = (git: Git): ((signal: AbortSignal) => Promise<void>) => {
  let known: string | undefined;
  return async (signal) => {
    known ??= (await git(['version'], { cwd: '/', signal, timeoutMs: 10_000 })).trim();
    if (canPin(known)) return;
    throw new FailureError(
      'UNSUPPORTED',
      `the station has ${known}, which can't be kept to a checked address: it needs ${OLDEST_PINNING_GIT}, or the host in CODEBAY_GIT_ALLOWED_HOSTS`,
    );
  };
};

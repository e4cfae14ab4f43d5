import type { SetupScript } from '../../../tasks/setup-protocol.ts';

/** Whether the station runs a set-up script, and whether an operator has vouched for its very content. */
export interface SetupVerdict {
  readonly allowed: boolean;
  readonly approved: boolean;
}

export type SetupPolicy = (script: SetupScript) => SetupVerdict;

const ANY_PATH = '*';
const isDigest = (entry: string): boolean => /^[0-9a-f]{64}$/.test(entry);

/** From a list of paths (`*`: every path) and SHA-256 digests. A digest allows its script at whatever path, and approves it. */
export const createSetupPolicy = (entries: readonly string[]): SetupPolicy => {
  const digests = new Set(entries.filter(isDigest));
  const paths = new Set(entries.filter((entry) => !isDigest(entry)));
  return ({ path, sha256 }) => {
    const approved = digests.has(sha256);
    return { approved, allowed: approved || paths.has(path) || paths.has(ANY_PATH) };
  };
};

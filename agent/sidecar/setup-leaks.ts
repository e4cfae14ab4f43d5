import { FailureError } from '../../tasks/failure.ts';
import type { Compartment } from '../../tasks/ports/compartment.ts';
import type { SetupSecrets } from '../../tasks/setup-protocol.ts';
import { createGit } from './git.ts';
import { failed, type Outcome } from './outcome.ts';
import { createSecretScan } from './secret-scan.ts';

/* All that set-up left where the agent can read it, but for git's objects, which are compressed. */
const LEFT_BY_SETUP = `
  list=$SIDE/left-by-setup
  git ls-files -z --others > "$list"
  git diff-files -z --name-only --diff-filter=d >> "$list"
  if [ -d .git ]; then printf '.git\\0' >> "$list"; fi
  tar -c -f - --exclude=.git/objects --null --verbatim-files-from -T "$list" -C "$1" . -C "$2" . -C "$3" .
  rm "$list"
`;

/** Reads what set-up left behind as a stream; null where none of its secrets stands in it. Nothing of set-up may be running. */
export const findLeaks = async (deps: {
  readonly compartment: Compartment;
  readonly secrets: SetupSecrets;
  readonly signal: AbortSignal;
}): Promise<Outcome | null> => {
  const { paths } = deps.compartment;
  const scan = createSecretScan(deps.secrets);
  if (!scan.needed) return null;
  const git = createGit(deps.compartment);
  try {
    await git({ script: LEFT_BY_SETUP, args: [paths.home, paths.output, paths.sideTmp], onStdout: scan.push, signal: deps.signal });
  } catch (error) {
    if (!(error instanceof FailureError) || error.reason === 'DISK_FULL') throw error;
    return failed('SETUP_FAILED', `what set-up left could not be read, so nobody knows whether it holds a secret: ${error.message}`);
  }
  const names = scan.found();
  if (names.length === 0) return null;
  return failed('SETUP_LEAKED_SECRET', `set-up left the value of ${names.join(', ')} in files that the agent would see`);
};

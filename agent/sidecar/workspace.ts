import type { Readable } from 'node:stream';
import type { Compartment } from '../../tasks/ports/compartment.ts';
import { addEmbeddedRepositories } from './embedded-repositories.ts';
import type { StoredBlob } from './gateway-client.ts';
import { createGit } from './git.ts';
import { createHeadedOutput } from './headed-output.ts';
import { openScratchFile, type ScratchFile } from './scratch-file.ts';

/** Wins over every .gitattributes: files are taken as the bytes they are, and shown as text where they look like it. */
const ATTRIBUTES = '* -text !eol !crlf -filter -ident !working-tree-encoding !diff !merge !whitespace';

const EMBEDDED = 'embedded';

/*
 * The repository's own index says which files are tracked in spite of .gitignore; its objects save hashing the tree again. The base is the
 * tree as it was staged, whatever the checkout did to line ends, so that a patch fits the staged code exactly.
 */
const BEGIN = `
  attributes=$1
  own_git() { env -u GIT_WORK_TREE -u GIT_INDEX_FILE GIT_DIR="$GIT_WORK_TREE/.git" git "$@"; }
  format=sha1 tree=
  if [ -d .git ] && [ ! -L .git ]; then
    format=$(own_git rev-parse --show-object-format)
    tree=$(own_git rev-parse -q --verify 'HEAD^{tree}' || true)
  fi
  rm -rf "$GIT_DIR" "$SIDE"/index*
  env -u GIT_WORK_TREE -u GIT_INDEX_FILE -u GIT_DIR git init -q --bare --template= --object-format="$format" "$GIT_DIR" >&2
  git config core.bare false
  mkdir -p "$GIT_DIR/info"
  printf '%s\\n' "$attributes" > "$GIT_DIR/info/attributes"
  if [ -n "$tree" ]; then
    cp -R .git/objects/. "$GIT_DIR/objects/"
    rm -f "$GIT_DIR/objects/info/alternates"
    git read-tree "$tree"
  fi
  git add -A --ignore-errors . || true
  git write-tree
  touch "$GIT_INDEX_FILE"
  cp -p "$GIT_INDEX_FILE" "$SIDE/index.base"
`;

/* Beside the tree, how it differs from the base where that isn't known already: each command costs a compartment of its own. */
const TELL = `
  echo "$tree"
  [ "$tree" = "$1" ] || [ "$tree" = "$2" ] || git diff --cached --binary --full-index --no-ext-diff --no-textconv --no-renames --no-color \
    --src-prefix=a/ --dst-prefix=b/ "$1"
`;

/* From the base's index each time, so that the result depends on the tree alone. Files that can't be read stay as they were. */
const SNAPSHOT = `
  rm -f "$GIT_INDEX_FILE.lock"
  cp -p "$SIDE/index.base" "$GIT_INDEX_FILE"
  git add -A --ignore-errors . || true
  tree=$(git write-tree)
  if { [ "$tree" != "$1" ] && git diff --cached --raw --no-renames "$1" | grep -q '^:[0-7]* 160000 '; } ||
    git ls-files --others --exclude-standard | grep -q '/"\\{0,1\\}$'
  then echo ${EMBEDDED}
  else ${TELL}
  fi
`;

const SNAPSHOT_AGAIN = `
  tree=$(git write-tree)
  ${TELL}
`;

/* Back to the base, but for what is ignored, then forward: set-up may have changed files that the delta changes too. */
const RESTORE = `
  cp -p "$SIDE/index.base" "$GIT_INDEX_FILE"
  git checkout-index -q -f -a
  git clean -q -ffd
  git apply --binary --whitespace=nowarn -
`;

export interface Snapshot {
  /** The tree's id: equal ids mean equal files. */
  readonly tree: string;
  /** Null where nothing differs from the base. */
  readonly delta: StoredBlob | null;
}

export interface Workspace {
  /** Remembers the staged code as the base. Before anything untrusted has run. */
  begin(signal: AbortSignal): Promise<void>;
  /** What has changed since the base: new files, deletions, modes, binaries and the agent's own commits. Nothing before `begin`. Throws `FileTooLargeError` above the cap. */
  snapshot(signal: AbortSignal): Promise<Snapshot>;
  /** Puts the files that git doesn't ignore where the delta says, whatever set-up made of them. */
  restore(delta: Readable, signal: AbortSignal): Promise<void>;
}

/** The run's code as git sees it, by a repository of the sidecar's own: whatever the agent does to `.git` changes nothing here. */
export const createWorkspace = (deps: {
  readonly compartment: Compartment;
  /** A folder that no program of the run sees. */
  readonly scratch: string;
  readonly maxDeltaBytes: number;
  readonly note: (text: string) => void;
}): Workspace => {
  const git = createGit(deps.compartment);
  let base = '';
  let last: Snapshot | null = null;
  /** Snapshots share one index: one after the other. */
  let previous: Promise<Snapshot | undefined> = Promise.resolve(undefined);
  let count = 0;
  // Two names in turn: the delta before may still be on its way up.
  const openDelta = (): Promise<ScratchFile> => {
    count += 1;
    return openScratchFile(`${deps.scratch}/delta-${count % 2}.patch`, deps.maxDeltaBytes);
  };
  const read = async (script: string, signal: AbortSignal): Promise<Snapshot> => {
    const output = createHeadedOutput(openDelta);
    try {
      await git({ script, args: [base, last?.tree ?? base], onStdout: output.write, signal });
      return { tree: output.head(), delta: (await output.file()?.seal()) ?? null };
    } catch (error) {
      await output.file()?.discard();
      throw error;
    }
  };
  const take = async (signal: AbortSignal): Promise<Snapshot> => {
    if (base === '') return { tree: '', delta: null };
    let snapshot = await read(SNAPSHOT, signal);
    if (snapshot.tree === EMBEDDED) {
      const folders = await addEmbeddedRepositories(git, deps.compartment.paths.code, base, signal);
      if (folders.length > 0) deps.note(`repositories inside the code are kept as plain files: ${folders.join(', ')}`);
      snapshot = await read(SNAPSHOT_AGAIN, signal);
    }
    if (last?.tree !== snapshot.tree) last = snapshot;
    return last;
  };
  return {
    begin: async (signal) => {
      base = (await git({ script: BEGIN, args: [ATTRIBUTES], signal })).toString().trim();
    },
    snapshot: (signal) => {
      const next = previous.catch(() => undefined).then(() => take(signal));
      previous = next;
      return next;
    },
    restore: async (delta, signal) => {
      await git({ script: RESTORE, stdin: delta, signal });
    },
  };
};

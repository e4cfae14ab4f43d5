import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ENVIRONMENT = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_AUTHOR_DATE: '2024-01-01T00:00:00Z',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
  GIT_COMMITTER_DATE: '2024-01-01T00:00:00Z',
};

/** Runs the machine's git away from the user's configuration; answers with what it printed, trimmed. */
export const gitIn = (folder: string, args: readonly string[], input?: Buffer | string): string =>
  execFileSync('git', ['-c', 'safe.directory=*', '-c', 'protocol.file.allow=always', ...args], {
    cwd: folder,
    env: ENVIRONMENT,
    input: input ?? '',
    maxBuffer: 1 << 28,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
    .toString()
    .trim();

export interface TreeFile {
  /** A buffer where the name is no UTF-8. */
  readonly path: string | Buffer;
  readonly content: string | Buffer;
  readonly mode?: '100644' | '100755' | '120000' | '160000';
}

const fileCommand = ({ path, content, mode = '100644' }: TreeFile): Buffer[] => {
  const head = (ref: string): Buffer => Buffer.concat([Buffer.from(`M ${mode} ${ref} `), Buffer.from(path), Buffer.from('\n')]);
  if (mode === '160000') return [head(content.toString())];
  const bytes = Buffer.from(content);
  return [head('inline'), Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from('\n')];
};

/** A commit on `branch` holding exactly these files, made by fast-import so that no attribute or setting touches a byte. Returns its id. */
export const commitFiles = (repository: string, branch: string, files: readonly TreeFile[]): string => {
  const parent = gitIn(repository, ['for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`]);
  const head = `commit refs/heads/${branch}\ncommitter Ada <ada@example.com> 1704067200 +0000\ndata 4\nwork\n${parent === '' ? '' : `from ${parent}\n`}deleteall\n`;
  gitIn(repository, ['fast-import', '--quiet', '--force'], Buffer.concat([Buffer.from(head), ...files.flatMap(fileCommand)]));
  return gitIn(repository, ['rev-parse', `refs/heads/${branch}`]);
};

/** A commit on `branch` of a tree that git itself would not make: entries stand as given, in their order. Returns its id. */
export const commitTree = (
  repository: string,
  branch: string,
  entries: readonly { readonly mode: string; readonly name: string; readonly id: string }[],
): string => {
  const bytes = entries.map(({ mode, name, id }) =>
    Buffer.concat([Buffer.from(`${mode.replace(/^0/, '')} ${name}\0`), Buffer.from(id, 'hex')]),
  );
  const tree = gitIn(repository, ['hash-object', '-t', 'tree', '-w', '--literally', '--stdin'], Buffer.concat(bytes));
  const commit = gitIn(repository, ['commit-tree', '-m', 'work', tree]);
  gitIn(repository, ['update-ref', `refs/heads/${branch}`, commit]);
  return commit;
};

/** An empty bare repository `<root>/<name>`. */
export const createBareRepository = (root: string, name: string, objectFormat: 'sha1' | 'sha256' = 'sha1'): string => {
  const repository = join(root, name);
  mkdirSync(repository, { recursive: true });
  gitIn(repository, ['init', '--quiet', '--bare', '--template=', '--initial-branch=main', `--object-format=${objectFormat}`]);
  writeFileSync(join(repository, 'description'), name);
  return repository;
};

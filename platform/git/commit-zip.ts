import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../tasks/failure.ts';
import type { OpenZip } from '../archive/open-zip.ts';
import type { PlannedMember } from '../archive/zip-plan.ts';
import { blobStream } from './blob-stream.ts';
import type { Git } from './git.ts';
import type { PreparedRepository } from './pack-repository.ts';

/** The same zip gives the same base commit, wherever and whenever it is imported. */
const AUTHOR = {
  GIT_AUTHOR_NAME: 'Codebay',
  GIT_AUTHOR_EMAIL: 'codebay@localhost',
  GIT_AUTHOR_DATE: '2000-01-01T00:00:00Z',
  GIT_COMMITTER_NAME: 'Codebay',
  GIT_COMMITTER_EMAIL: 'codebay@localhost',
  GIT_COMMITTER_DATE: '2000-01-01T00:00:00Z',
};

/** All contents go into one pack, which is many times faster than a file for each. */
const ONE_PACK = ['fastimport.unpackLimit=0', 'core.compression=1'];
/** Linux takes 4096 bytes with the final NUL, the folder's own path included. */
const PLACE_BYTES = 4095;

export interface CommitZipOptions {
  readonly git: Git;
  /** An empty repository with a work tree. */
  readonly repository: string;
  /** A file of the caller's for what git answers. */
  readonly marks: string;
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number) => void;
  readonly timeoutMs: number;
}

/**
 * Makes a zip the one commit of a repository. Contents stream into a pack, never into the work tree, where only folders are made: git
 * knows none that is empty. Names stay as they are, byte for byte; of modes only the executable bit is kept.
 */
export const commitZip = async (zip: OpenZip, options: CommitZipOptions): Promise<Omit<PreparedRepository, 'code'>> => {
  const { git, repository, marks, signal, timeoutMs } = options;
  const room = PLACE_BYTES - Buffer.byteLength(`${repository}/`);
  if (zip.members.some(({ path }) => path.length > room)) {
    throw new FailureError('SOURCE_TOO_LARGE', 'a path is longer than this station can write');
  }
  const blobs = zip.members.filter(({ kind }) => kind !== 'folder');
  if (blobs.length === 0) throw new FailureError('SOURCE_EMPTY', 'the zip holds no files');
  const command = { cwd: repository, env: AUTHOR, signal, timeoutMs };
  await git(['fast-import', '--quiet', '--done', '--depth=0', `--export-marks=${marks}`], {
    ...command,
    config: ONE_PACK,
    input: blobStream(zip, blobs, options),
  });
  const ids = await readMarks(marks);
  const files = inIndexOrder(blobs, ids);
  await git(['update-index', '-z', '--index-info'], { ...command, input: [indexInfo(files)] });
  const tree = (await git(['write-tree'], command)).trim();
  const commit = (await git(['commit-tree', '-m', 'Import of code.zip', tree], command)).trim();
  await git(['update-ref', 'HEAD', commit], command);
  await rm(join(repository, '.git', 'logs'), { recursive: true, force: true });
  for (const { path, kind } of zip.members) {
    if (kind === 'folder') await mkdir(Buffer.concat([Buffer.from(`${repository}/`), Buffer.from(path, 'latin1')]), { recursive: true });
  }
  return { commit, sizes: files.map(({ member }) => member.sizeBytes) };
};

const readMarks = async (file: string): Promise<ReadonlyMap<string, string>> => {
  const lines = (await readFile(file, 'latin1')).split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => line.split(' ') as [string, string]));
};

const modeOf = ({ kind, executable }: PlannedMember): string => (kind === 'link' ? '120000' : executable ? '100755' : '100644');

interface ImportedFile {
  readonly member: PlannedMember;
  readonly id: string | undefined;
}

/** The order of the paths' bytes: git appends then, where it would otherwise move what it has. */
const inIndexOrder = (blobs: readonly PlannedMember[], ids: ReadonlyMap<string, string>): readonly ImportedFile[] =>
  blobs.map((member, index) => ({ member, id: ids.get(`:${index + 1}`) })).sort((a, b) => (a.member.path < b.member.path ? -1 : 1));

const indexInfo = (files: readonly ImportedFile[]): Buffer =>
  Buffer.from(files.map(({ member, id }) => `${modeOf(member)} ${id}\t${member.path}\0`).join(''), 'latin1');

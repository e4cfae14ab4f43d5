import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type CompressOptions, compress } from '../archive/compress.ts';
import { joinTars } from '../archive/join-tars.ts';
import { programOutput } from '../archive/program-output.ts';
import { objectFormatOf } from './fetch-commit.ts';
import type { Git } from './git.ts';
import { gitArguments, type HostEnvironment, hardenedEnvironment } from './hardening.ts';
import { stampIndex } from './stamp-index.ts';

/** The owner is no one's in particular; whoever unpacks becomes it. */
const TAR = ['--create', '--file=-', '--owner=0', '--group=0', '--numeric-owner', '--null', '--files-from=-'] as const;
/** As a checkout would make them; git's own choice for archives lets the group write. */
const UMASK = 'tar.umask=0022';

export interface PackOptions extends CompressOptions {
  readonly git: Git;
  readonly environment: HostEnvironment;
  readonly timeoutMs: number;
}

/** A repository whose index holds a commit that was not checked out. */
export interface PreparedRepository {
  readonly code: string;
  readonly commit: string;
  /** Of the commit's files, in the order of their paths' bytes. */
  readonly sizes: readonly number[];
}

/**
 * Packs a repository with its commit checked out, as a tar compressed by zstd: what is in the folder, then every file of the commit
 * straight from git's objects, so that the work tree is never written to the disk here. Every file was last changed when the commit
 * was made. Bytes, executable bits and links are kept.
 */
export const packRepository = async ({ code, commit, sizes }: PreparedRepository, options: PackOptions): Promise<Readable> => {
  const { git, environment, signal, timeoutMs } = options;
  const committed = await git(['show', '--no-patch', '--format=%ct', commit], { cwd: code, signal, timeoutMs });
  await stampIndex({ file: join(code, '.git', 'index'), objectFormat: objectFormatOf(commit), changedAt: Number(committed), sizes });
  const names = await readdir(code, { encoding: 'buffer' });
  const input = Buffer.concat(names.sort(Buffer.compare).flatMap((name) => [name, Buffer.from([0])]));
  const place = { cwd: code, env: hardenedEnvironment(environment) };
  const folder = programOutput({ ...place, file: 'tar', args: TAR, input });
  const files = programOutput({ ...place, file: 'git', args: gitArguments([UMASK], ['archive', '--format=tar', commit]) });
  return compress(joinTars([folder, files]), options);
};

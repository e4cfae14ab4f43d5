import { statfs } from 'node:fs/promises';
import { FailureError } from '../../tasks/failure.ts';
import { GitError } from './git.ts';

const FULL_BYTES = 16 * 1024 * 1024;
const FULL_FILES = 1000;

/**
 * What it means that git fails on code that is here already: the code is malformed, unless the disk at `folder` is full or git was
 * killed, which is the station's own trouble and handed back as it is.
 */
export const blameSource = async (error: unknown, folder: string, what: string): Promise<unknown> => {
  if (!(error instanceof GitError) || error.exitCode === null) return error;
  const { bavail, bsize, ffree, files } = await statfs(folder);
  const isFull = bavail * bsize < FULL_BYTES || (files > 0 && ffree < FULL_FILES);
  return isFull ? error : new FailureError('SOURCE_INVALID', `${what}: ${error.lastLine}`, { cause: error });
};

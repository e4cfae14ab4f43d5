import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { which } from './command.mjs';

export const TEMPORAL_VERSION = '1.9.1';

/** Where downloads are kept between clones: CODEBAY_DOWNLOADS, or `~/.cache/codebay`. */
export const cacheFolder = (env = process.env) => env.CODEBAY_DOWNLOADS || join(env.HOME || homedir(), '.cache', 'codebay');

/** The cached Temporal CLI's folder; its binary is `bin/temporal`. */
export const temporalFolder = (env = process.env) => join(cacheFolder(env), `temporal-${TEMPORAL_VERSION}`);

/** The Temporal CLI of PATH, else of the cache, else null. */
export const findTemporalCli = (env = process.env) => {
  const onPath = which('temporal', env);
  if (onPath) return onPath;
  const cached = join(temporalFolder(env), 'bin', 'temporal');
  try {
    accessSync(cached, constants.X_OK);
    return cached;
  } catch {
    return null;
  }
};

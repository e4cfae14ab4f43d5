import { spawnSync } from 'node:child_process';
import { constants } from 'node:fs';
import { chown, copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findTemporalCli, temporalFolder } from '../../scripts/setup/temporal-cli.mjs';

/** Another user of this machine to start a station as. */
export interface StationUser {
  readonly uid: number;
  readonly gid: number;
  /** Its own home, temporary folder and cache, which holds the Temporal CLI. */
  readonly env: Readonly<Record<string, string>>;
}

/** Belongs to nobody, so that limits per user count this test's processes alone. */
const UID = 1_800_000_000 + process.pid;

const MAIN = join(import.meta.dirname, '../../cli/main.ts');

/** An ordinary user with a home of its own, for a test that runs as root; removed with the stack. Null, with the reason printed, where there can be none. */
export const ordinaryUser = async (stack: AsyncDisposableStack): Promise<StationUser | null> => {
  const ids = { uid: UID, gid: UID };
  const tried = spawnSync(process.execPath, ['-e', `require('fs').accessSync(process.argv[1], 4)`, MAIN], ids);
  if (tried.status !== 0) {
    console.warn('Skipped: this checkout or its Node cannot be read by an ordinary user.');
    return null;
  }
  // A short path: sockets stand below it.
  const home = await mkdtemp(join(tmpdir(), 'cb-'));
  stack.defer(() => rm(home, { recursive: true, force: true }));
  await chown(home, UID, UID);
  const env = { HOME: home, TMPDIR: home, USER: 'codebay', CODEBAY_DOWNLOADS: join(home, 'cache') };
  const bin = join(temporalFolder(env), 'bin');
  const cli = findTemporalCli();
  if (cli === null) throw new Error('the Temporal CLI is missing');
  await mkdir(bin, { recursive: true });
  await copyFile(cli, join(bin, 'temporal'), constants.COPYFILE_FICLONE);
  return { ...ids, env };
};

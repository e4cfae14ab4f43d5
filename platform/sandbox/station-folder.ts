import { randomInt } from 'node:crypto';
import { chmod, lstat, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readIfThere, writeOnce } from './atomic-file.ts';

/** Above everything that distributions give to users, services and containers (systemd's UIDS-GIDS.md), below 2^31. */
const FIRST_UID = 1_900_000_000;
const UIDS = 2 ** 24;
/** A unix socket's path has at most 107 bytes; `/<mark>/<set>/<name>` takes up to this many of them. */
const SOCKET_TAIL_BYTES = 60;

const ownUid = (): number => process.geteuid?.() ?? 0;

/**
 * The folder of this user's stations below the system's temporary folder: short, for unix sockets, and closed to every other user, so that
 * what stands in it is reached by who is given it through a mount, and by nobody else. Throws where someone else holds the name.
 */
export const stationFolder = async (): Promise<string> => {
  const path = join(tmpdir(), `codebay-${ownUid()}`);
  if (Buffer.byteLength(path) + SOCKET_TAIL_BYTES > 107)
    throw new Error('The temporary folder (TMPDIR) has too long a path for unix sockets.');
  await mkdir(path, { recursive: true, mode: 0o700 });
  const found = await lstat(path);
  if (!found.isDirectory() || found.uid !== ownUid()) throw new Error(`${path} belongs to someone else; remove it.`);
  await chmod(path, 0o700);
  return path;
};

const claimFile = async (uid: number): Promise<string> => {
  const folder = join(await stationFolder(), 'uids');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return join(folder, String(uid));
};

/** A host uid that no other live run on this machine has, held until it is released under the same mark. */
export const claimUid = async (mark: string): Promise<number> => {
  for (;;) {
    const uid = FIRST_UID + randomInt(UIDS);
    if (await writeOnce(await claimFile(uid), mark)) return uid;
  }
};

/** Idempotent; leaves alone a uid that meanwhile belongs to another run. */
export const releaseUid = async (uid: number, mark: string): Promise<void> => {
  const file = await claimFile(uid);
  if ((await readIfThere(file)) === mark) await rm(file, { force: true });
};

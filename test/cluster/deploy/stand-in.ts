import { appendFile, copyFile, cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { findTemporalCli } from '../../../scripts/setup/temporal-cli.mjs';
import { findServer, ServerMissingError } from '../../servers/server-process.ts';
import { busyboxRoot, writeImage } from '../images.ts';

/** In place of the official images of MySQL, Redis and Temporal, which a machine without their registries can't pull. */
export const STAND_IN = 'codebay.test/stand-in:1';

const PROGRAMS = ['mariadbd', 'mariadb-install-db', 'my_print_defaults', 'resolveip', 'mysqladmin', 'redis-server', 'redis-cli'];
const SHARED = ['/usr/share/mysql'];

/** `ldd` prints `name => path (address)`, and the loader without an arrow. */
const librariesOf = async (program: string): Promise<readonly string[]> => {
  const { stdout, exitCode } = await execa('ldd', [program], { reject: false });
  return exitCode === 0 ? [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path ?? '') : [];
};

const copyTo = async (root: string, from: string, to: string): Promise<void> => {
  await mkdir(dirname(join(root, to)), { recursive: true });
  await copyFile(from, join(root, to));
};

/** Writes an image with this machine's MariaDB, Redis and Temporal, whose entry point takes what the official images take. */
export const writeStandIn = async (root: string, tarFile: string): Promise<void> => {
  const temporal = findTemporalCli();
  if (temporal === null) throw new ServerMissingError('temporal');
  await busyboxRoot(root);
  const libraries = new Set((await Promise.all([...PROGRAMS.map(findServer), temporal].map(librariesOf))).flat());
  await Promise.all([
    ...[...PROGRAMS.map(findServer), ...libraries].map((file) => copyTo(root, file, file)),
    copyTo(root, temporal, 'usr/bin/temporal'),
    ...SHARED.map((folder) => cp(folder, join(root, folder), { recursive: true })),
    copyTo(root, join(import.meta.dirname, 'stand-in.sh'), 'entrypoint'),
    appendFile(join(root, 'etc/passwd'), 'temporal:x:1000:1000::/tmp:/bin/sh\n'),
  ]);
  await writeImage(root, STAND_IN, { Entrypoint: ['/entrypoint'], Env: ['PATH=/usr/sbin:/usr/bin:/bin'] }, tarFile);
};

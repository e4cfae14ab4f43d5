import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Engine } from './engine.ts';

/** As the registry's slim images: what a container never reads stays out, of later packages too; licences stay in. */
const SLIM = ['path-exclude=/usr/share/doc/*', 'path-include=/usr/share/doc/*/copyright', 'path-exclude=/usr/share/man/*'];

/** As there too: apt keeps no package that it installed, and no index of its own beside the lists. */
const CLEAN_APT = [
  'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };',
  'Dir::Cache::pkgcache "";',
  'Dir::Cache::srcpkgcache "";',
].join('\n');
const OPTIONS = [
  ...SLIM.map((option) => `--dpkgopt=${option}`),
  `--customize-hook=printf '%s\\n' '${CLEAN_APT}' > "$1/etc/apt/apt.conf.d/docker-clean"`,
  // What apt has written by then, it no longer knows to clean.
  '--customize-hook=rm -f "$1"/var/cache/apt/*.bin',
];
const OPTIONS_HASH = createHash('sha256').update(OPTIONS.join('\0')).digest('hex').slice(0, 8);

/** The release of Debian behind a base such as `debian:trixie-20260610-slim`. */
export const suiteOf = (base: string): string => {
  const suite = /^debian:([a-z]+)-/.exec(base)?.[1];
  if (suite === undefined) throw new Error(`${base} names no release of Debian`);
  return suite;
};

/** What a base made here is called. */
export const localBaseName = (suite: string): string => `codebay-base:${suite}-${OPTIONS_HASH}`;

/** Makes a base like Debian's slim image from packages, for machines that reach no registry; the tar stays in `folder`. */
export const makeLocalBase = async (engine: Engine, suite: string, folder: string): Promise<void> => {
  const name = localBaseName(suite);
  const known = await engine.docker(['image', 'inspect', name]).then(
    () => true,
    () => false,
  );
  if (known) return;
  const tar = join(folder, `base-${suite}-${OPTIONS_HASH}.tar`);
  if (!existsSync(tar)) {
    const draft = `${tar}.${process.pid}.draft`;
    try {
      await execa('mmdebstrap', ['--quiet', '--variant=apt', '--format=tar', ...OPTIONS, suite, draft], { stdin: 'ignore' });
      await rename(draft, tar);
    } finally {
      await rm(draft, { force: true });
    }
  }
  await engine.docker(['import', tar, name]);
};

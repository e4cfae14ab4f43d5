import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines, run } from './command.mjs';
import { SetupError } from './setup-error.mjs';
import { cacheFolder } from './temporal-cli.mjs';

const QUIET = [
  '--quiet',
  '--retries=2',
  '--no-input',
  '--disable-pip-version-check',
  '--break-system-packages',
  '--root-user-action=ignore',
];

/** Where a package of PyPI is kept between clones. */
export const pipFolder = (name, version, env = process.env) => join(cacheFolder(env), `${name}-${version}`);

/** A package of PyPI and what it needs, in a folder of its own. */
export const pipPackage = (title, name, version) => ({
  title: `${title} ${version}`,
  isDone: async () => existsSync(pipFolder(name, version)),
  install: async () => {
    const target = pipFolder(name, version);
    const draft = `${target}.${process.pid}.draft`;
    try {
      const result = await run('python3', ['-m', 'pip', 'install', ...QUIET, '--target', draft, `${name}==${version}`]);
      if (result.code !== 0) throw new SetupError(`pip could not install ${name}==${version}:\n${lastLines(result.output, 4)}`);
      try {
        renameSync(draft, target);
      } catch (error) {
        // Another clone's set-up put the same version there first.
        if (!existsSync(target)) throw error;
      }
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  },
});

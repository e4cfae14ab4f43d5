import { lastLines, run, which } from './command.mjs';
import { SetupError } from './setup-error.mjs';

/** Installs Debian packages as root; throws a `SetupError` that ends in `byHand` where it can't. The package lists are fetched only when they are missing or stale. */
export const aptInstall = async (packages, byHand) => {
  if (which('apt-get') === null || process.getuid?.() !== 0)
    throw new SetupError(`${packages.join(', ')}: not installed; ${byHand}, then start again.`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = () => run('apt-get', ['-o', 'DPkg::Lock::Timeout=120', 'install', '-y', '--no-install-recommends', ...packages], { env });
  let result = await install();
  if (result.code !== 0) {
    await run('apt-get', ['update'], { env });
    result = await install();
  }
  if (result.code !== 0)
    throw new SetupError(`apt-get could not install ${packages.join(', ')}; ${byHand}:\n${lastLines(result.output, 4)}`);
};

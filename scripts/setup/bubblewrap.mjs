import { lastLines, run, which } from './command.mjs';
import { SetupError } from './setup-error.mjs';

const byHand = 'install the package `bubblewrap` with your package manager (e.g. `sudo apt-get install bubblewrap`)';

/** bubblewrap, the sandbox of runs: PATH, then apt as root. Not wanted under CODEBAY_ISOLATION=none. */
export const bubblewrap = () => ({
  title: 'bubblewrap',
  isDone: async () => which('bwrap') !== null || process.env.CODEBAY_ISOLATION === 'none',
  install: async () => {
    if (which('apt-get') === null || process.getuid?.() !== 0) throw new SetupError(`bubblewrap is missing: ${byHand}, then start again.`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const install = () => run('apt-get', ['install', '-y', '--no-install-recommends', 'bubblewrap'], { env });
    let result = await install();
    if (result.code !== 0) {
      await run('apt-get', ['update'], { env });
      result = await install();
    }
    if (result.code !== 0) throw new SetupError(`apt-get could not install bubblewrap; ${byHand}:\n${lastLines(result.output, 4)}`);
  },
});

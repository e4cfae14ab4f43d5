import { aptInstall } from './apt.mjs';
import { which } from './command.mjs';

/** bubblewrap, the sandbox of runs: PATH, then apt as root. Not wanted under CODEBAY_ISOLATION=none. */
export const bubblewrap = () => ({
  title: 'bubblewrap',
  isDone: async () => which('bwrap') !== null || process.env.CODEBAY_ISOLATION === 'none',
  install: () =>
    aptInstall(['bubblewrap'], 'install the package `bubblewrap` with your package manager (e.g. `sudo apt-get install bubblewrap`)'),
});

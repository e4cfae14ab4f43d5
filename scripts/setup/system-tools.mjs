import { run, which } from './command.mjs';
import { SetupError } from './setup-error.mjs';

const OLDEST_GIT = [2, 37];

/** What every machine has and set-up does not install: git and tar. */
export const systemTools = () => ({
  title: 'git and tar',
  isDone: async () => {
    const { output } = await run('git', ['--version']);
    const [major = 0, minor = 0] = /(\d+)\.(\d+)/.exec(output)?.slice(1).map(Number) ?? [];
    const recent = major > OLDEST_GIT[0] || (major === OLDEST_GIT[0] && minor >= OLDEST_GIT[1]);
    return recent && which('tar') !== null;
  },
  install: async () => {
    throw new SetupError('git 2.37 or newer and tar are needed: install or update them with your package manager, then start again.');
  },
});

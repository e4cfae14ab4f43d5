import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines, run } from './command.mjs';
import { SetupError } from './setup-error.mjs';

const lockHash = (root) =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
const stampOf = (root) => join(root, 'node_modules', '.codebay-lock-sha256');

const readStamp = (root) => {
  try {
    return readFileSync(stampOf(root), 'utf8').trim();
  } catch {
    return null;
  }
};

const nodeAnswers = async (root) => (await run(join(root, 'node_modules/.bin/node'), ['--version'])).output.startsWith('v24.');

/** Node modules as the lock file names them, with the Node binary that runs everything else. */
export const packages = (root) => ({
  title: 'packages (npm ci)',
  isDone: async () => readStamp(root) === lockHash(root) && (await nodeAnswers(root)),
  install: async () => {
    const hash = lockHash(root);
    const result = await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: root });
    if (result.code !== 0) {
      throw new SetupError(`npm ci failed; mend what it says and start again:\n${lastLines(result.output)}`);
    }
    if (!(await nodeAnswers(root))) {
      throw new SetupError(
        'node_modules/.bin/node does not answer: allow install scripts (`npm config delete ignore-scripts`), then start again.',
      );
    }
    writeFileSync(stampOf(root), `${hash}\n`);
  },
});

import { join } from 'node:path';
import { execa } from 'execa';
import { EngineMissingError } from '../../scripts/images/engine.ts';
import { engineAnswers } from '../../scripts/setup/engine.mjs';
import { builtImages } from '../support/built-images.ts';

/*
 * `npm run test:docker [FILE…]`: the tests of this folder, on the engine that runs; where none does, in a network namespace of their own with an
 * engine that they start, whose bridges and firewall rules are nobody else's there. The images are built before, since nothing is reachable there.
 */
const root = join(import.meta.dirname, '../..');
try {
  await builtImages();
} catch (error) {
  if (!(error instanceof EngineMissingError)) throw error;
  console.error(`The tests of the Docker runner are skipped: ${error.message}`);
  process.exit(process.env.CI === 'true' ? 1 : 0);
}
const files = process.argv.length > 2 ? process.argv.slice(2) : ['test/docker'];
const jest = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  'node_modules/jest/bin/jest.js',
  '--runInBand',
  ...files,
];
const alone = [
  'env',
  'CODEBAY_TESTS_OWN_NETWORK=yes',
  'unshare',
  '--net',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
  'sh',
  '-c',
  'ip link set lo up && exec "$@"',
  'sh',
] as const;
const [program, ...args] = [...((await engineAnswers()) ? [] : alone), process.execPath, ...jest] as [string, ...string[]];
const { exitCode } = await execa(program, args, { cwd: root, stdio: 'inherit', reject: false });
process.exitCode = exitCode ?? 1;

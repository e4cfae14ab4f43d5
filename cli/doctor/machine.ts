import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { canPin, OLDEST_PINNING_GIT } from '../../platform/git/git-version.ts';
import { isErrno } from '../../platform/sandbox/atomic-file.ts';
import { probeIsolation } from '../../platform/sandbox/probe.ts';
import type { Settings } from '../../platform/settings.ts';
import { findTemporalCli, TEMPORAL_VERSION } from '../../scripts/setup/temporal-cli.mjs';
import { broken, type Check, type Finding, ok, warning } from './check.ts';

const execute = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const GiB = 1024 ** 3;
const LOW_DISK_GIB = 5;

const firstLine = async (program: string, ...args: readonly string[]): Promise<string | null> => {
  try {
    return (await execute(program, args)).stdout.split('\n')[0] ?? '';
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EACCES')) return null;
    throw error;
  }
};

const node = async (): Promise<Finding> =>
  process.versions.node.startsWith('24.')
    ? ok(process.versions.node)
    : broken(
        `${process.versions.node}; the station is made for 24`,
        'Run `node scripts/setup.mjs` and start by `npx codebay` or `npm start`.',
      );

const git = async (): Promise<Finding> => {
  const version = await firstLine('git', '--version');
  const remedy = `Install git ${OLDEST_PINNING_GIT} or newer with your package manager.`;
  if (version === null) return broken('not installed', remedy);
  if (canPin(version)) return ok(version.replace(/^git version /, ''));
  return broken(`${version}, which can't be kept to a checked address: only hosts in CODEBAY_GIT_ALLOWED_HOSTS can be used`, remedy);
};

const temporal = async (): Promise<Finding> => {
  const path = findTemporalCli();
  if (path === null) return broken('the CLI is not installed', 'Run `node scripts/setup.mjs`, which fetches it.');
  const version = await firstLine(path, '--version');
  return version?.includes(TEMPORAL_VERSION)
    ? ok(`${version} at ${path}`)
    : warning(
        `${version} at ${path}; tested with ${TEMPORAL_VERSION}`,
        `Remove it from PATH and run \`node scripts/setup.mjs\` if tasks misbehave.`,
      );
};

const isolation = async (settings: Settings): Promise<Finding> => {
  if (settings.CODEBAY_ISOLATION === 'none') {
    return warning(
      'off (CODEBAY_ISOLATION=none): what a model runs can read and change everything of this user',
      'Unset CODEBAY_ISOLATION.',
    );
  }
  const shown = { install: ROOT, node: process.execPath, readable: settings.CODEBAY_RUN_READABLE };
  const probe = await probeIsolation({ shown });
  if (!probe.ok) return broken(probe.problem, probe.remedy);
  const bounds = `bubblewrap ${probe.version} as ${probe.mode}; memory by ${probe.memory}, processes by ${probe.processes}`;
  return probe.memory === 'none'
    ? warning(
        `${bounds}: nothing but the machine bounds a run's memory`,
        'Run the station where it may write a cgroup: as root, or by `systemd-run --user --scope -p Delegate=yes npm start`.',
      )
    : ok(bounds);
};

const disk = async (data: string): Promise<Finding> => {
  const place = await statfs(data).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return statfs(dirname(data));
    throw error;
  });
  const freeGib = (place.bavail * place.bsize) / GiB;
  const what = `${freeGib.toFixed(1)} GiB free for ${data}`;
  return freeGib < LOW_DISK_GIB ? warning(what, 'Free some space, or put CODEBAY_DATA on a larger disk.') : ok(what);
};

/** What the machine itself has to offer. */
export const machineChecks = (settings: Settings): readonly Check[] => [
  { name: 'Node', look: node },
  { name: 'git', look: git },
  { name: 'Temporal', look: temporal },
  ...(settings.CODEBAY_RUNNER === 'sandbox' ? [{ name: 'Sandbox', look: () => isolation(settings) }] : []),
  { name: 'Disk', look: () => disk(settings.CODEBAY_DATA) },
];

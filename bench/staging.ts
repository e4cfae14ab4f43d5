import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startGitServer } from '../demo/git-server.ts';
import { scratchFolder } from '../test/support/staged-code.ts';
import { against, compare, type Ratio } from './rounds.ts';
import { generateRepository, generateZip } from './staging/generated-code.ts';
import type { Staging } from './staging/stage-once.ts';

const execute = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('./staging/stage-once.ts', import.meta.url));
const MEMORY_ROUNDS = 3;
const ALLOWED_MB = 100;
const ZIP_FILES = 100_000;
const ZIP_ALLOWED_SECONDS = 25;

const times = async (rounds: number, measure: () => Promise<number>): Promise<readonly number[]> => {
  const measured: number[] = [];
  for (let round = 0; round < rounds; round += 1) measured.push(await measure());
  return measured;
};

/**
 * Clone and pack through the real code source against `git clone --depth 1` and `tar | zstd -3` from the same server; the growth of
 * the process's memory for 120 MB and for 1 GB against 100 MB; and a zip of 100,000 files against 25 s.
 */
export const run = async (): Promise<readonly Ratio[]> => {
  const scratch = scratchFolder();
  const root = `${scratch.path}/served`;
  const work = `${scratch.path}/work`;
  mkdirSync(work);
  const server = await startGitServer({ root });
  const stage = async (commit: string, place: string): Promise<Staging> =>
    JSON.parse((await execute(process.execPath, [PROGRAM, work, commit, place])).stdout);
  try {
    const url = `${server.url}/code.git`;
    const commit = await generateRepository(root, 'code.git', 120);
    const bare = async (): Promise<number> => {
      const startedAt = performance.now();
      await execute('git', ['clone', '--quiet', '--depth', '1', url, `${work}/clone`]);
      await execute('sh', ['-c', 'tar --create --file=- . | zstd -3 -q -f -o ../bare.tar.zst'], { cwd: `${work}/clone` });
      const seconds = (performance.now() - startedAt) / 1000;
      await rm(`${work}/clone`, { recursive: true });
      return seconds;
    };
    const grown: number[] = [];
    const ours = async (): Promise<number> => {
      const { timeMs, grownMb } = await stage(commit, url);
      grown.push(grownMb);
      return timeMs / 1000;
    };
    const time = await compare({ name: 'staging', unit: 's', ours, bare });
    const large = await generateRepository(root, 'large.git', 1000);
    const largeGrown = await times(MEMORY_ROUNDS, async () => (await stage(large, `${server.url}/large.git`)).grownMb);
    await rm(root, { recursive: true });
    generateZip(`${work}/many.zip`, ZIP_FILES);
    const zipSeconds = await times(MEMORY_ROUNDS, async () => (await stage('zip', `${work}/many.zip`)).timeMs / 1000);
    return [
      time,
      against('staging-memory-120mb', 'MB', ALLOWED_MB, grown),
      against('staging-memory-1gb', 'MB', ALLOWED_MB, largeGrown),
      against('staging-zip-100000-files', 's', ZIP_ALLOWED_SECONDS, zipSeconds),
    ];
  } finally {
    await server.close();
    scratch.remove();
  }
};

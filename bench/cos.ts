import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startCosProcess } from '../test/servers/cos/cos-process.ts';
import type { Transfer } from './cos/transfer-once.ts';
import { compare, median, type Ratio } from './rounds.ts';

const execute = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('./cos/transfer-once.ts', import.meta.url));
const SIZE_BYTES = 1_000_000_000;
const ROUNDS = 3;
const ALLOWED_MB = 100;

/**
 * 1 GB up and down through the adapter, which hashes, checks and can retry, against the SDK's own streams, which don't; each transfer in a
 * fresh process, the server in one of its own. And how far ours lifts the peak memory of its process, against 100 MB.
 */
export const run = async (): Promise<readonly Ratio[]> => {
  const cos = await startCosProcess();
  const transfer = async (side: 'ours' | 'sdk', direction: 'up' | 'down'): Promise<Transfer> =>
    JSON.parse((await execute(process.execPath, [PROGRAM, side, direction, cos.endpoint, String(SIZE_BYTES)])).stdout);
  try {
    const ratios: Ratio[] = [];
    for (const direction of ['up', 'down'] as const) {
      const grown: number[] = [];
      const ours = async (): Promise<number> => {
        const { seconds, grownMb } = await transfer('ours', direction);
        grown.push(grownMb);
        return seconds;
      };
      const bare = async (): Promise<number> => (await transfer('sdk', direction)).seconds;
      ratios.push(await compare({ name: `cos-${direction}`, unit: 's', rounds: ROUNDS, ours, bare }));
      const spread = (Math.max(...grown) - Math.min(...grown)) / ALLOWED_MB;
      const memory = { ours: median(grown), bare: ALLOWED_MB, unit: 'MB', rounds: grown.length, spread };
      ratios.push({ name: `cos-${direction}-memory`, ratio: memory.ours / ALLOWED_MB, ...memory });
    }
    return ratios;
  } finally {
    await cos.stop();
  }
};

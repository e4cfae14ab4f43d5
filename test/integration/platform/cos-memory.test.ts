import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Transfer } from '../../../bench/cos/transfer-once.ts';
import { type CosProcess, startCosProcess } from '../../servers/cos/cos-process.ts';

const execute = promisify(execFile);
const PROGRAM = join(import.meta.dirname, '../../../bench/cos/transfer-once.ts');
const SIZE_BYTES = 300_000_000;
/** Far below the object; the bare SDK's streams take 70 to 100. */
const ALLOWED_MB = 150;

let cos: CosProcess;
beforeAll(async () => {
  cos = await startCosProcess();
});
afterAll(() => cos.stop());

const grownMb = async (direction: 'up' | 'down'): Promise<number> => {
  const { stdout } = await execute(process.execPath, [PROGRAM, 'ours', direction, cos.endpoint, String(SIZE_BYTES)]);
  return (JSON.parse(stdout) as Transfer).grownMb;
};

test('300 MB go up and down with flat memory, and outlive a restart of the server in between', async () => {
  expect(await grownMb('up')).toBeLessThan(ALLOWED_MB);
  await cos.kill();
  await cos.start();
  expect(await grownMb('down')).toBeLessThan(ALLOWED_MB);
});

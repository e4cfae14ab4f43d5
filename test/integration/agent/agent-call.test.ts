import { join } from 'node:path';
import { execa } from 'execa';

const MAIN = join(import.meta.dirname, '../../../agent/main.ts');
const call = (args: readonly string[]) => execa(process.execPath, [MAIN, ...args], { reject: false });

test.each([
  ['an unknown option', ['--tusk', 'x'], "Unknown option '--tusk'"],
  ['no task', [], '--task is missing'],
])('%s: exit code 2 and one line', async (_name, args, says) => {
  const { exitCode, stdout, stderr } = await call(args);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain(says);
  expect(stderr.split('\n')).toHaveLength(1);
});

test('--help explains, and succeeds', async () => {
  expect(await call(['--help'])).toMatchObject({ exitCode: 0, stderr: '', stdout: expect.stringContaining('--task FILE') });
});

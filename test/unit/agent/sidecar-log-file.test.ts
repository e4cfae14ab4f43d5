import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLogFile } from '../../../agent/sidecar/log-file.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'codebay-log-'));
});
afterEach(() => rm(folder, { recursive: true }));

const written = async (maxBytes: number, chunks: readonly string[]) => {
  const log = await openLogFile(join(folder, 'log'), maxBytes);
  const shown: number[] = [];
  for (const chunk of chunks) shown.push(await log.write(Buffer.from(chunk)));
  await log.close();
  return { text: await readFile(log.path, 'utf8'), shown };
};

test('a log below its cap is kept as it is', async () => {
  expect(await written(20, ['one\n', 'two\n'])).toEqual({ text: 'one\ntwo\n', shown: [4, 4] });
});

test('a log that just fills its cap loses nothing', async () => {
  expect((await written(8, ['one\n', 'two\n'])).text).toBe('one\ntwo\n');
});

test('a log over its cap keeps its beginning and its end, and says what is missing', async () => {
  const chunks = Array.from({ length: 100 }, (_, at) => `${String(at).padStart(3, '0')}\n`);
  const { text, shown } = await written(16, chunks);
  expect(text).toBe('000\n001\n\n[… 384 bytes left out …]\n098\n099\n');
  expect(shown.reduce((sum, size) => sum + size)).toBe(8);
});

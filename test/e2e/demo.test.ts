import { join } from 'node:path';
import { execa } from 'execa';
import { processesOf } from '../support/footprint.ts';
import { temporaryDataDir } from '../support/station.ts';

const root = join(import.meta.dirname, '../..');

test('npm run demo shows a task from its start to its proof, and leaves nothing running', async () => {
  await using dataDir = await temporaryDataDir();
  const env = { ...process.env, CODEBAY_DATA: dataDir.path, OPENAI_API_KEY: '', OPENAI_BASE_URL: '', NO_COLOR: '1' };
  const demo = await execa('npm', ['run', '--silent', 'demo'], { cwd: root, env, all: true, reject: false, stdin: 'ignore' });

  expect({ exitCode: demo.exitCode, printed: demo.all }).toEqual({ exitCode: 0, printed: expect.stringContaining('── COMPLETED') });
  const inOrder = [
    'a scripted stand-in',
    '▸ RESOLVING',
    '▸ DOWNLOADING_CODE',
    '▸ RUNNING_AGENT',
    '▸ VERIFYING',
    '▸ COMPLETED',
    '── The diff',
    '+++ b/src/duration.js',
    '/objects/logs/',
    '/namespaces/default/workflows/',
    'on the base:           exit code 1  fails, as it should',
    'on base + diff.patch:  exit code 0  passes',
  ];
  let from = 0;
  for (const expected of inOrder) {
    expect(demo.all?.slice(from)).toContain(expected);
    from = (demo.all ?? '').indexOf(expected, from) + expected.length;
  }
  expect(processesOf(dataDir.path)).toEqual([]);
}, 120_000);

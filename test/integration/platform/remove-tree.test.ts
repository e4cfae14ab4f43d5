import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from '../../../platform/sandbox/remove-tree.ts';

const base = mkdtempSync(join(tmpdir(), 'codebay-remove-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const sh = (script: string): Buffer => execFileSync('sh', ['-euc', script], { cwd: base });

test.each([
  ['deeper than any path may be', `mkdir t; cd t; perl -e 'for (1..1500) { mkdir "dddd"; chdir "dddd" or die }'`],
  ['closed folders', 'mkdir -p t/a/b/c; chmod 0 t/a/b; chmod 0 t/a; chmod 500 t'],
  [
    'names with line feeds, dashes and bytes that are no text',
    `mkdir t; cd t; : >'-rf'; : >"$(printf 'a\\nb')"; : >"$(printf '\\377')"; mkdir -- '--'`,
  ],
  ['pipes and sockets', 'mkdir t; mkfifo t/pipe'],
  ['many files', 'mkdir t; cd t; seq 2000 | xargs touch'],
])('%s: nothing is left', async (_name, script) => {
  sh(script);
  expect(existsSync(join(base, 't'))).toBe(true);
  await removeTree(join(base, 't'));
  await removeTree(join(base, 't'));
  expect(existsSync(join(base, 't'))).toBe(false);
});

test('links are removed, never what they point at', async () => {
  mkdirSync(join(base, 'kept/folder'), { recursive: true });
  writeFileSync(join(base, 'kept/file'), 'kept');
  mkdirSync(join(base, 'linked'));
  symlinkSync(join(base, 'kept'), join(base, 'linked/folder'));
  symlinkSync(join(base, 'kept/file'), join(base, 'linked/file'));
  symlinkSync('..', join(base, 'linked/up'));
  await removeTree(join(base, 'linked'));
  expect([existsSync(join(base, 'linked')), existsSync(join(base, 'kept/file')), existsSync(join(base, 'kept/folder'))]).toEqual([
    false,
    true,
    true,
  ]);
});

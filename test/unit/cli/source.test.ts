import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { applyPatch } from '../../../cli/source/apply-patch.ts';
import { folderFiles } from '../../../cli/source/folder-files.ts';
import { zipFiles } from '../../../cli/source/zip-files.ts';
import { readZip } from '../../support/read-zip.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'codebay-source-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (path: string, content: string | Buffer): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
};
const git = (...args: string[]): Buffer =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'commit.gpgsign=false', ...args], { cwd: folder });
const commit = (): void => {
  git('add', '-A');
  git('commit', '-q', '-m', 'x');
};
const names = async (): Promise<readonly string[]> => (await folderFiles(folder)).map(({ path }) => path).toSorted();

describe('the files of a folder', () => {
  test('a repository: as they are now, without ignored and deleted ones', async () => {
    git('init', '-q');
    write('.gitignore', 'out/\n*.log\n');
    for (const path of ['kept.txt', 'deleted.txt', 'tracked.log']) write(path, path);
    git('add', '-f', 'tracked.log');
    commit();
    write('new/ünïcode name.txt', 'new');
    write('out/built', 'x');
    write('debug.log', 'x');
    rmSync(join(folder, 'deleted.txt'));
    expect(await names()).toEqual(['.gitignore', 'kept.txt', 'new/ünïcode name.txt', 'tracked.log']);
  });

  test('a plain folder: .gitignore is honoured, node_modules left out', async () => {
    write('.gitignore', '*.tmp\n');
    write('a.txt', 'a');
    write('b.tmp', 'b');
    write('node_modules/x/index.js', 'x');
    expect(await names()).toEqual(['.gitignore', 'a.txt']);
  });

  test('a folder of a repository: only what is below it', async () => {
    git('init', '-q');
    write('top.txt', 'x');
    write('sub/inner.txt', 'x');
    commit();
    const files = await folderFiles(join(folder, 'sub'));
    expect(files.map(({ path }) => path)).toEqual(['inner.txt']);
  });
});

test('a zip holds contents, exec bits, and links as links', async () => {
  write('run.sh', '#!/bin/sh\n');
  chmodSync(join(folder, 'run.sh'), 0o755);
  write('deep/data.bin', Buffer.from([0, 255, 10, 13]));
  symlinkSync('deep/data.bin', join(folder, 'link'));
  symlinkSync('nowhere', join(folder, 'dangling'));
  const entries = await readZip(await buffer(await zipFiles(await folderFiles(folder))));
  expect(Object.keys(entries).toSorted()).toEqual(['dangling', 'deep/data.bin', 'link', 'run.sh']);
  expect(entries['deep/data.bin']?.content).toEqual(Buffer.from([0, 255, 10, 13]));
  expect(entries['run.sh']?.mode).toBe(0o100755);
  expect([entries.link?.mode, String(entries.link?.content)]).toEqual([0o120777, 'deep/data.bin']);
  expect(String(entries.dangling?.content)).toBe('nowhere');
});

describe('a patch', () => {
  /** What changes this folder into what `change` makes of it; the folder is as before. */
  const patchOf = (change: () => void): Buffer => {
    git('init', '-q');
    write('a.txt', 'one\ntwo\nthree\n');
    write('b.bin', Buffer.from([0, 1, 2, 3]));
    commit();
    change();
    git('add', '-A');
    const patch = git('diff', '--cached', '--binary', '--full-index', 'HEAD');
    git('reset', '-q', '--hard');
    return patch;
  };
  const apply = (patch: Buffer, checkOnly = false, from = folder) => applyPatch(from, patch, { checkOnly });
  const read = (path: string): Buffer => readFileSync(join(folder, path));
  const change = (): void => {
    write('a.txt', 'one\nTWO\nthree\n');
    write('b.bin', Buffer.from([0, 9, 8, 7]));
    write('new/file.txt', 'new\r\n');
  };

  test('is applied whole: text, binary, new files; beside other changes, from any folder below', async () => {
    const patch = patchOf(change);
    write('other.txt', 'not committed');
    mkdirSync(join(folder, 'below'));
    await apply(patch, false, join(folder, 'below'));
    expect([String(read('a.txt')), read('b.bin'), String(read('new/file.txt')), String(read('other.txt'))]).toEqual([
      'one\nTWO\nthree\n',
      Buffer.from([0, 9, 8, 7]),
      'new\r\n',
      'not committed',
    ]);
  });

  test('is refused where it touches a file with uncommitted changes, and nothing is written', async () => {
    const patch = patchOf(change);
    write('a.txt', 'mine\n');
    await expect(apply(patch)).rejects.toThrow('uncommitted changes in a.txt, which the patch touches.');
    expect([String(read('a.txt')), read('b.bin')]).toEqual(['mine\n', Buffer.from([0, 1, 2, 3])]);
  });

  test('is refused where a new file stands already, ignored or not', async () => {
    const patch = patchOf(change);
    write('.gitignore', 'new/\n');
    commit();
    write('new/file.txt', 'mine');
    await expect(apply(patch)).rejects.toThrow('new/');
    expect([String(read('new/file.txt')), read('b.bin')]).toEqual(['mine', Buffer.from([0, 1, 2, 3])]);
  });

  test('that does not fit is refused whole, and a check writes nothing', async () => {
    const patch = patchOf(change);
    await apply(patch, true);
    expect(String(read('a.txt'))).toContain('two');
    write('a.txt', 'something else\n');
    commit();
    await expect(apply(patch)).rejects.toThrow('the patch does not fit this tree');
    expect(read('b.bin')).toEqual(Buffer.from([0, 1, 2, 3]));
  });

  test('outside a repository is refused', async () => {
    await expect(apply(Buffer.from('x'))).rejects.toThrow('not in a git repository');
  });
});

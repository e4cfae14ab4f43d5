import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type GitServer, startGitServer } from '../../../demo/git-server.ts';
import { createCodeSource } from '../../../platform/git/code-source.ts';
import { DEFAULT_STATION_LIMITS, type StationLimits } from '../../../tasks/limits.ts';
import type { CodeSource } from '../../../tasks/ports/code-source.ts';
import { commitFiles, commitTree, createBareRepository, gitIn } from '../../support/git-repos.ts';
import { readTree, type StagedFile, scratchFolder, sinkTo, stageInto } from '../../support/staged-code.ts';
import { craftZip, type ZipEntry } from '../../support/zips.ts';

const MiB = 1024 * 1024;
const scratch = scratchFolder();
const tmpDir = join(scratch.path, 'tmp');
const live = new AbortController().signal;
let server: GitServer;

const sourceWith = (limits: Partial<StationLimits> = {}, allowedHosts = ['127.0.0.1']): CodeSource =>
  createCodeSource({
    limits: { ...DEFAULT_STATION_LIMITS, ...limits },
    allowedHosts,
    tmpDir,
    resolveHost: async (host) => {
      if (host === 'inside.example.com') return ['93.184.215.14', '10.0.0.7'];
      if (host === 'mapped.example.com') return ['::ffff:127.0.0.1'];
      throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    },
  });

beforeAll(async () => {
  const root = join(scratch.path, 'served');
  createBareRepository(root, 'empty.git');
  const app = createBareRepository(root, 'app.git');
  commitFiles(app, 'main', [
    { path: 'src/a.txt', content: 'a'.repeat(1000) },
    { path: 'src/b.txt', content: 'b' },
  ]);
  commitFiles(app, 'hollow', []);
  const blob = gitIn(app, ['rev-parse', 'main:src/b.txt']);
  commitTree(app, 'twice', [
    { mode: '100644', name: 'same', id: blob },
    { mode: '100644', name: 'same', id: blob },
  ]);
  commitTree(app, 'dotgit', [{ mode: '040000', name: '.GIT', id: gitIn(app, ['rev-parse', 'main:src']) }]);
  server = await startGitServer({ root });
});

afterAll(async () => {
  await server.close();
  scratch.remove();
});

/** Resolves and stages like the two activities do. */
const stageGit = async (source: CodeSource, input: { readonly url: string; readonly ref?: string; readonly subfolder?: string }) => {
  const spec = { type: 'git' as const, ...input };
  const { commit } = await source.resolve(spec, live);
  const sink = sinkTo(join(scratch.path, 'table.tar.zst'));
  return source.stage({ source: spec, commit, zip: null, signal: live, onProgress: () => {} }, sink);
};

const rejection = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'succeeded',
    (error: unknown) => error,
  );

describe('git', () => {
  test.each([
    ['an unknown repository', 'SERVER/none.git', {}, 'SOURCE_NOT_FOUND'],
    ['an unknown ref', 'SERVER/app.git', { ref: 'nope' }, 'SOURCE_NOT_FOUND'],
    ['an unknown commit', 'SERVER/app.git', { ref: 'a'.repeat(40) }, 'SOURCE_NOT_FOUND'],
    ['an unknown subfolder', 'SERVER/app.git', { subfolder: 'lib' }, 'SOURCE_NOT_FOUND'],
    ['a file as subfolder', 'SERVER/app.git', { subfolder: 'src/a.txt' }, 'SOURCE_NOT_FOUND'],
    ['an empty repository', 'SERVER/empty.git', {}, 'SOURCE_EMPTY'],
    ['a commit without files', 'SERVER/app.git', { ref: 'hollow' }, 'SOURCE_EMPTY'],
    ['a commit that git refuses', 'SERVER/app.git', { ref: 'twice' }, 'SOURCE_INVALID'],
    ["a commit with git's own folder", 'SERVER/app.git', { ref: 'dotgit' }, 'SOURCE_INVALID'],
    ['a port no one listens on', 'http://127.0.0.1:1/app.git', {}, 'SOURCE_UNREACHABLE'],
    ['a name that is not there', 'https://nowhere.example.com/app.git', {}, 'SOURCE_UNREACHABLE'],
    ['a name with a private address among others', 'https://inside.example.com/app.git', {}, 'SOURCE_REFUSED'],
    ['a name with a mapped loopback address', 'https://mapped.example.com/app.git', {}, 'SOURCE_REFUSED'],
    ['a private host', 'https://10.1.2.3/app.git', {}, 'SOURCE_REFUSED'],
    ['loopback in IPv6', 'https://[::1]/app.git', {}, 'SOURCE_REFUSED'],
    ['an odd spelling of loopback', 'https://2130706434/app.git', {}, 'SOURCE_REFUSED'],
    ['instance metadata', 'https://169.254.169.254/app.git', {}, 'SOURCE_REFUSED'],
    ['NAT64 of metadata', 'https://[64:ff9b::a9fe:a9fe]/app.git', {}, 'SOURCE_REFUSED'],
    ['6to4 of a private address', 'https://[2002:a00:1::]/app.git', {}, 'SOURCE_REFUSED'],
    ['plain http', 'http://example.com/app.git', {}, 'SOURCE_REFUSED'],
    ['credentials', 'https://user:hunter2@example.com/app.git', {}, 'SOURCE_REFUSED'],
    ['ext::', 'ext::sh -c touch% /tmp/pwned', {}, 'SOURCE_REFUSED'],
    ['file://', 'file:///etc', {}, 'SOURCE_REFUSED'],
    ['ssh', 'ssh://git@example.com/app.git', {}, 'SOURCE_REFUSED'],
    ['scp-like', 'git@example.com:app.git', {}, 'SOURCE_REFUSED'],
    ['an option', '--upload-pack=touch', {}, 'SOURCE_REFUSED'],
    ['a control character', 'https://example.com/a\npp.git', {}, 'SOURCE_REFUSED'],
  ])('%s: %s %j is %s', async (_name, url, rest, reason) => {
    const error = await rejection(stageGit(sourceWith(), { url: url.replace('SERVER', server.url), ...rest }));
    expect(error).toMatchObject({ name: 'FailureError', reason });
    expect(String(error)).not.toContain('hunter2');
    expect(readdirSync(tmpDir, { recursive: true })).toEqual([]);
  });

  test.each([
    ['files', { files: 1 }, /more than 1 files/],
    ['bytes', { unpackedBytes: 1000 }, /larger than 1000 bytes/],
    ['a path', { pathBytes: 8 }, /longer than 8 bytes/],
  ])('over the limit of %s', async (_name, limits, detail) => {
    const error = await rejection(stageGit(sourceWith(limits), { url: `${server.url}/app.git` }));
    expect(error).toMatchObject({ reason: 'SOURCE_TOO_LARGE', message: expect.stringMatching(detail) });
  });

  test('exactly at the limits, and with a subfolder', async () => {
    const atLimits = sourceWith({ files: 2, unpackedBytes: 1001, pathBytes: 9 });
    await expect(stageGit(atLimits, { url: `${server.url}/app.git`, subfolder: 'src' })).resolves.toMatchObject({ files: 2 });
  });
});

const file = (content: string, executable = false): StagedFile => ({ kind: 'file', executable, content });
const link = (target: string): StagedFile => ({ kind: 'link', executable: false, content: target });
const latin1 = (text: string): string => Buffer.from(text).toString('latin1');
const zipped = (entries: readonly ZipEntry[]): Readable => Readable.from([craftZip(entries)]);
const a: ZipEntry = { name: 'a.txt', content: 'a' };

describe('zip, staged', () => {
  test.each<[string, readonly ZipEntry[], Record<string, StagedFile>]>([
    [
      'bytes as they are',
      [
        { name: '.gitattributes', content: '* text=auto eol=lf\n*.txt filter=lfs\n' },
        { name: 'crlf.txt', content: 'one\r\ntwo\r\n' },
        { name: 'bom.txt', content: '\ufeffx' },
        { name: 'binary', content: Buffer.from([0, 255, 13, 10]), stored: true },
        { name: 'empty', content: '' },
      ],
      {
        '.gitattributes': file('* text=auto eol=lf\n*.txt filter=lfs\n'),
        'crlf.txt': file('one\r\ntwo\r\n'),
        'bom.txt': file(latin1('\ufeffx')),
        binary: file('\0\xff\r\n'),
        empty: file(''),
      },
    ],
    [
      'names of every kind',
      [
        { name: '日本.txt', content: '1' },
        { name: Buffer.from('caf\xe9', 'latin1'), content: '2', flags: 0 },
        { name: Buffer.from([0x81, 0x2e, 0x74]), content: '3', flags: 0, host: 0 },
        { name: './dot//twice.txt', content: '4' },
        { name: '-rf', content: '5' },
      ],
      { [latin1('日本.txt')]: file('1'), 'caf\xe9': file('2'), [latin1('ü.t')]: file('3'), 'dot/twice.txt': file('4'), '-rf': file('5') },
    ],
    [
      'executable bits and links inside',
      [
        { name: 'bin/run', content: '#!/bin/sh', mode: 0o100755 },
        { name: 'run', content: 'bin/../bin/run', mode: 0o120777 },
        { name: 'bin/up', content: '../run', mode: 0o120777 },
        { name: 'nowhere', content: 'missing', mode: 0o120777 },
        { name: 'dos', content: 'x', mode: 0o120777, host: 0 },
      ],
      {
        'bin/run': file('#!/bin/sh', true),
        run: link('bin/../bin/run'),
        'bin/up': link('../run'),
        nowhere: link('missing'),
        dos: file('x'),
      },
    ],
    [
      'without git folders of any depth and case',
      [
        { name: '.git/config', content: '[core]\nfsmonitor = touch /tmp/pwned' },
        { name: 'sub/.GIT/hooks/post-checkout', content: 'x', mode: 0o100755 },
        { name: 'sub/.Git', content: 'gitdir: /etc' },
        { name: 'sub/kept', content: 'x' },
        { name: '.github/ci.yml', content: 'y' },
      ],
      { 'sub/kept': file('x'), '.github/ci.yml': file('y') },
    ],
    [
      'without the one top folder',
      [{ name: 'app-main/' }, { name: 'app-main/src/a', content: 'a' }, { name: 'app-main/l', content: 'src', mode: 0o120777 }],
      { 'src/a': file('a'), l: link('src') },
    ],
    [
      'with a top folder beside a git folder',
      [
        { name: '.git/HEAD', content: 'x' },
        { name: 'src/a', content: 'a' },
      ],
      { 'src/a': file('a') },
    ],
    [
      'ignored files too',
      [
        { name: '.gitignore', content: '*' },
        { name: 'out.log', content: 'x' },
      ],
      { '.gitignore': file('*'), 'out.log': file('x') },
    ],
    ['a folder named twice', [{ name: 'd/' }, { name: 'd/' }, { name: 'd/a', content: 'a' }, a], { 'd/a': file('a'), 'a.txt': file('a') }],
  ])('%s', async (name, entries, expected) => {
    const folder = join(scratch.path, name.replaceAll(' ', '-'));
    const { files } = await stageInto(sourceWith(), { source: { type: 'zip' }, commit: null, zip: zipped(entries) }, folder);
    expect(Object.fromEntries(readTree(folder))).toEqual(expected);
    expect(files).toBe(Object.keys(expected).length);
    expect(gitIn(folder, ['diff-files', '--raw'])).toBe('');
    expect(gitIn(folder, ['status', '--porcelain', '--ignored'])).toBe('');
    expect(gitIn(folder, ['ls-tree', '-r', '-z', '--name-only', 'HEAD']).split('\0')).toHaveLength(files + 1);
    expect(gitIn(folder, ['log', '--format=%s'])).toBe('Import of code.zip');
    expect(readdirSync(tmpDir)).toEqual([]);
  });

  test('the same zip has the same base commit', async () => {
    const bases = [];
    for (const name of ['once', 'again']) {
      await stageInto(sourceWith(), { source: { type: 'zip' }, commit: null, zip: zipped([a]) }, join(scratch.path, name));
      bases.push(gitIn(join(scratch.path, name), ['rev-parse', 'HEAD']));
    }
    expect(bases[0]).toBe(bases[1]);
  });

  // The full 100,000 are measured by bench/staging.ts.
  test('20,000 files', async () => {
    const entries = Array.from({ length: 20_000 }, (_, index) => ({
      name: `d${index % 100}/e${index % 10}/${index}.txt`,
      content: `file ${index}\n`,
      stored: true,
    }));
    const staged = await sourceWith().stage(
      { source: { type: 'zip' }, commit: null, zip: zipped(entries), signal: live, onProgress: () => {} },
      sinkTo(join(scratch.path, 'many.tar.zst')),
    );
    expect(staged.files).toBe(20_000);
    expect(readdirSync(tmpDir)).toEqual([]);
  });
});

/** Several entries that claim the same data: what makes a small zip unpack to a huge tree. */
const overlapping = (): readonly ZipEntry[] => [
  { name: 'x', content: 'x'.repeat(5000) },
  { name: 'y', content: 'x'.repeat(5000), declared: { headerStart: 0 } },
];

describe('zip, refused', () => {
  const good = craftZip([a, { name: 'b.txt', content: 'b'.repeat(5000) }]);
  const damaged = Buffer.from(good);
  damaged[40] = (damaged[40] ?? 0) ^ 0xff;

  test.each<[string, Buffer | readonly ZipEntry[], string, Partial<StationLimits>?]>([
    ['no zip', Buffer.from('hello'), 'ARCHIVE_INVALID'],
    ['nothing', Buffer.alloc(0), 'ARCHIVE_INVALID'],
    ['cut off', good.subarray(0, good.length - 30), 'ARCHIVE_INVALID'],
    ['damaged data', damaged, 'ARCHIVE_INVALID'],
    ['a wrong checksum', [{ ...a, declared: { crc: 1 } }], 'ARCHIVE_INVALID'],
    ['encrypted', [{ ...a, flags: 0x801 }], 'ARCHIVE_INVALID'],
    ['strongly encrypted', [{ ...a, flags: 0x841 }], 'ARCHIVE_INVALID'],
    ['unknown compression', [{ ...a, method: 14 }], 'ARCHIVE_INVALID'],
    ['data outside the file', [{ ...a, declared: { headerStart: 1_000_000 } }], 'ARCHIVE_INVALID'],
    ['no entries', [], 'SOURCE_EMPTY'],
    ['folders only', [{ name: 'd/' }], 'SOURCE_EMPTY'],
    ['git folders only', [{ name: '.git/HEAD', content: 'x' }], 'SOURCE_EMPTY'],
    ['slip', [a, { name: '../evil', content: 'x' }], 'ARCHIVE_UNSAFE'],
    ['slip in the middle', [{ name: 'd/../../evil', content: 'x' }], 'ARCHIVE_UNSAFE'],
    ['absolute', [{ name: '/etc/cron.d/evil', content: 'x' }], 'ARCHIVE_UNSAFE'],
    ['a drive letter', [{ name: 'C:/evil', content: 'x' }], 'ARCHIVE_UNSAFE'],
    ['backslashes', [{ name: '..\\evil', content: 'x' }], 'ARCHIVE_UNSAFE'],
    ['NUL', [{ name: 'a\0b', content: 'x' }], 'ARCHIVE_UNSAFE'],
    ['twice the same name', [a, a], 'ARCHIVE_UNSAFE'],
    ['twice the same name, spelled differently', [a, { ...a, name: './a.txt' }], 'ARCHIVE_UNSAFE'],
    [
      'a file that is a folder too',
      [
        { name: 'd', content: 'x' },
        { name: 'd/x', content: 'x' },
      ],
      'ARCHIVE_UNSAFE',
    ],
    [
      'a folder that is a file too',
      [
        { name: 'd/x', content: 'x' },
        { name: 'd', content: 'x' },
      ],
      'ARCHIVE_UNSAFE',
    ],
    [
      'a file below a link',
      [
        { name: 'd', content: '/etc', mode: 0o120777 },
        { name: 'd/x', content: 'x' },
      ],
      'ARCHIVE_UNSAFE',
    ],
    [
      'a file over a link',
      [
        { name: 'd', content: '/etc/passwd', mode: 0o120777 },
        { name: 'd', content: 'x' },
      ],
      'ARCHIVE_UNSAFE',
    ],
    ['an absolute link', [{ name: 'l', content: '/etc/passwd', mode: 0o120777 }], 'ARCHIVE_UNSAFE'],
    ['a link that leads out', [{ name: 'd/l', content: '../../x', mode: 0o120777 }], 'ARCHIVE_UNSAFE'],
    ['a link out of the stripped folder', [{ name: 'top/l', content: '../x', mode: 0o120777 }], 'ARCHIVE_UNSAFE'],
    [
      'a link out through another',
      [a, { name: 'd/e/up', content: '../..', mode: 0o120777 }, { name: 'l', content: 'd/e/up/../x', mode: 0o120777 }],
      'ARCHIVE_UNSAFE',
    ],
    ['a device', [{ name: 'null', mode: 0o020666 }], 'ARCHIVE_UNSAFE'],
    ['a fifo', [{ name: 'pipe', mode: 0o010644 }], 'ARCHIVE_UNSAFE'],
    ['a size that is too small', [{ name: 'x', content: 'x'.repeat(5000), declared: { size: 10 } }], 'ARCHIVE_UNSAFE'],
    ['a size that is too small, large', [{ name: 'x', content: Buffer.alloc(3 * MiB, 1), declared: { size: 2 * MiB } }], 'ARCHIVE_UNSAFE'],
    ['a size that is too large', [{ name: 'x', content: 'x', declared: { size: 10 } }], 'ARCHIVE_UNSAFE'],
    ['a stored size that lies', [{ name: 'x', content: 'x'.repeat(50), stored: true, declared: { size: 10 } }], 'ARCHIVE_UNSAFE'],
    ['overlapping', overlapping(), 'ARCHIVE_UNSAFE'],
    ['a bomb', [a, { name: 'zeros', content: Buffer.alloc(100 * MiB) }], 'ARCHIVE_UNSAFE'],
    ['too many bytes', [{ name: 'x', content: 'x'.repeat(5000) }], 'SOURCE_TOO_LARGE', { unpackedBytes: 4999 }],
    ['too many files', [a, { ...a, name: 'b' }], 'SOURCE_TOO_LARGE', { files: 1 }],
    ['a path that is too long', [{ name: `${'d/'.repeat(2048)}x`, content: 'x' }], 'SOURCE_TOO_LARGE'],
    ['a name that is too long', [{ name: 'n'.repeat(256), content: 'x' }], 'SOURCE_TOO_LARGE'],
    [
      'a path at the limit, which no folder can hold',
      [{ name: `${'d'.repeat(127)}/`.repeat(31) + 'x'.repeat(128), content: 'x' }, a],
      'SOURCE_TOO_LARGE',
    ],
    ['a zip that is too large', [{ name: 'x', content: 'x', stored: true }], 'SOURCE_TOO_LARGE', { zipBytes: 60 }],
  ])('%s', async (...[_name, archive, reason, limits]) => {
    const zip = Readable.from([Buffer.isBuffer(archive) ? archive : craftZip(archive)]);
    let stored = false;
    const error = await rejection(
      sourceWith(limits).stage({ source: { type: 'zip' }, commit: null, zip, signal: live, onProgress: () => {} }, async () => {
        stored = true;
        return { sizeBytes: 0, sha256: '' };
      }),
    );
    expect(error).toMatchObject({ name: 'FailureError', reason });
    expect(stored).toBe(false);
    expect(readdirSync(tmpDir)).toEqual([]);
  });

  test('a subfolder that is missing, or reached by a link', async () => {
    for (const subfolder of ['none', 'l', 'a.txt']) {
      const zip = zipped([a, { name: 'd/x', content: 'x' }, { name: 'l', content: 'd', mode: 0o120777 }]);
      const error = await rejection(
        sourceWith().stage(
          { source: { type: 'zip', subfolder }, commit: null, zip, signal: live, onProgress: () => {} },
          sinkTo('/nonexistent/x'),
        ),
      );
      expect(error).toMatchObject({ reason: 'SOURCE_NOT_FOUND' });
    }
  });
});

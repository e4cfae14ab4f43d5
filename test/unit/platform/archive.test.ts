import { describe, expect, test } from '@jest/globals';
import { fromBufferPromise } from 'yauzl';
import { escapesTree } from '../../../platform/archive/link-targets.ts';
import { readMember } from '../../../platform/archive/zip-member.ts';
import { planZip } from '../../../platform/archive/zip-plan.ts';
import { createCodeMeter } from '../../../platform/git/code-meter.ts';
import { craftZip, type ZipEntry } from '../../support/zips.ts';

const LIMITS = { unpackedBytes: 1000, files: 10, pathBytes: 100 };

const entriesOf = async (entries: readonly ZipEntry[]) =>
  (await fromBufferPromise(craftZip(entries), { decodeStrings: false, validateEntrySizes: false })).eachEntry();

const memberOf = async (entry: ZipEntry) => {
  for await (const found of await entriesOf([entry])) return readMember(found);
  throw new Error('the zip has no entry');
};

const plan = async (...entries: readonly ZipEntry[]) => planZip(await entriesOf(entries), createCodeMeter(LIMITS));

describe('escapesTree', () => {
  test.each<[string, Record<string, string>, boolean]>([
    ['a neighbour', { l: 'a' }, false],
    ['up and down again inside', { 'd/l': '../a' }, false],
    ['the root itself', { 'd/l': '..' }, false],
    ['one up too many', { 'd/l': '../..' }, true],
    ['absolute', { l: '/a' }, true],
    ['down and up through nothing', { l: 'x/../../a' }, true],
    ['a link to a link that leads out', { l: 'm', m: '..' }, true],
    ['up from where a link leads', { 'd/e/up': '../..', l: 'd/e/up/../a' }, true],
    ['up from a name that is no link', { 'd/e/down': 'x', l: 'd/e/../a' }, false],
    ['an absolute link on the way', { m: '/etc', l: 'm/passwd' }, true],
    ['a link to itself', { l: 'l' }, true],
    ['a pair that goes round', { l: 'm/x', m: 'l/x' }, true],
    ['doubled slashes and dots', { 'd/l': './/..///a' }, false],
  ])('%s: %j is %s', (_name, links, escapes) => {
    expect(escapesTree('l' in links ? 'l' : (Object.keys(links)[0] ?? ''), new Map(Object.entries(links)))).toBe(escapes);
  });
});

describe('readMember', () => {
  test.each<[string, ZipEntry, object]>([
    ['a file', { name: 'a/b', content: 'x' }, { path: 'a/b', kind: 'file', executable: false }],
    ['an executable file', { name: 'a', mode: 0o100711 }, { path: 'a', kind: 'file', executable: true }],
    ['a folder', { name: 'd/', mode: 0o040755 }, { path: 'd', kind: 'folder', executable: false }],
    ['a link', { name: 'l', content: 'a', mode: 0o120777 }, { path: 'l', kind: 'link', executable: false }],
    ['modes of another system', { name: 'a', mode: 0o100777, host: 0 }, { kind: 'file', executable: false }],
    ['a name with dots and doubled slashes', { name: './/a/./b' }, { path: 'a/b' }],
    ['a name in UTF-8, a character a byte', { name: 'ü' }, { path: '\xc3\xbc' }],
    ['a name in code page 437', { name: Buffer.from([0x81]), flags: 0, host: 0 }, { path: '\xc3\xbc' }],
    ['dots that are no way up', { name: '..a/b..' }, { path: '..a/b..' }],
  ])('%s', async (_name, entry, expected) => {
    expect(await memberOf(entry)).toMatchObject(expected);
  });

  test.each<[string, ZipEntry]>([
    ['a way up', { name: 'a/../b' }],
    ['an absolute path', { name: '/a' }],
    ['a backslash', { name: 'a\\b' }],
    ['a drive', { name: 'c:a' }],
    ['a NUL', { name: 'a\0' }],
    ['a socket', { name: 's', mode: 0o140644 }],
    ['no name', { name: '.' }],
  ])('refuses %s', async (_name, entry) => {
    await expect(memberOf(entry)).rejects.toMatchObject({ reason: 'ARCHIVE_UNSAFE' });
  });
});

describe('planZip', () => {
  const paths = async (...entries: readonly ZipEntry[]) => (await plan(...entries)).map(({ path }) => path);

  test('takes off the one top folder, and only a folder', async () => {
    expect(await paths({ name: 'top/' }, { name: 'top/a' }, { name: 'top/d/b' })).toEqual(['a', 'd/b']);
    expect(await paths({ name: 'top' })).toEqual(['top']);
    expect(await paths({ name: 'top/a' }, { name: 'b' })).toEqual(['top/a', 'b']);
    expect(await paths({ name: 'top/a' }, { name: 'top2/b' })).toEqual(['top/a', 'top2/b']);
  });

  test("leaves git's own files out, uncounted", async () => {
    expect(await paths({ name: 'a' }, { name: 'd/.Git/x', content: 'x'.repeat(2000) }, { name: '.gitignore' })).toEqual([
      'a',
      '.gitignore',
    ]);
  });

  test.each<[string, readonly ZipEntry[], string]>([
    ['the same file twice', [{ name: 'a' }, { name: 'a' }], 'ARCHIVE_UNSAFE'],
    ['a file below a file', [{ name: 'a' }, { name: 'a/b' }], 'ARCHIVE_UNSAFE'],
    ['a file where a folder is', [{ name: 'a/b' }, { name: 'a' }], 'ARCHIVE_UNSAFE'],
    ['shared bytes', [{ name: 'a' }, { name: 'b', declared: { headerStart: 0 } }], 'ARCHIVE_UNSAFE'],
    ['an impossible ratio', [{ name: 'a', content: 'x', declared: { size: 65 * 1024 * 1024 } }], 'ARCHIVE_UNSAFE'],
    ['encryption', [{ name: 'a', flags: 0x801 }], 'ARCHIVE_INVALID'],
    ['a compression other than deflate', [{ name: 'a', method: 93 }], 'ARCHIVE_INVALID'],
    ['more than the limits', [{ name: 'a', content: 'x'.repeat(1001) }], 'SOURCE_TOO_LARGE'],
  ])('refuses %s', async (_name, entries, reason) => {
    await expect(plan(...entries)).rejects.toMatchObject({ reason });
  });
});

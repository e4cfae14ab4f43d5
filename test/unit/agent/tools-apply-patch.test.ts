import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { createApplyPatch } from '../../../agent/tools/apply-patch.ts';
import { applyHunks } from '../../../agent/tools/patch/apply-hunks.ts';
import { parsePatch } from '../../../agent/tools/patch/parse.ts';
import { openWorkspace } from '../../../agent/tools/workspace.ts';

type Tree = Readonly<Record<string, string | Buffer>>;

let outer: string;
let root: string;

beforeEach(async () => {
  outer = await realpath(await mkdtemp(join(tmpdir(), 'codebay-patch-')));
  root = join(outer, 'code');
  await mkdir(root);
});
afterEach(() => rm(outer, { recursive: true }));

const fill = async (tree: Tree): Promise<void> => {
  for (const [path, content] of Object.entries(tree)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
};

const treeNow = async (): Promise<Record<string, string>> => {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(files.sort().map(async (file) => [file.slice(root.length + 1), await readFile(file, 'latin1')])),
  );
};

const bytes = (text: string): string => Buffer.from(text).toString('latin1');

const apply = async (patch: string): Promise<string> => {
  const call = createApplyPatch(await openWorkspace(root, root)).prepare(JSON.stringify({ patch }));
  if (!call.ok) throw new Error(call.problem);
  return (await call.run(new AbortController().signal)).text;
};

const envelope = (...lines: readonly string[]): string => ['*** Begin Patch', ...lines, '*** End Patch'].join('\n');
const update = (...lines: readonly string[]): string => envelope('*** Update File: a', ...lines);

describe('patches that apply', () => {
  const table: readonly (readonly [string, Tree, string, Tree])[] = [
    ['adds a file in a new folder', {}, envelope('*** Add File: x/y/z.txt', '+one', '+', '+two'), { 'x/y/z.txt': 'one\n\ntwo\n' }],
    ['adds an empty file', {}, envelope('*** Add File: e'), { e: '' }],
    ['deletes a file', { a: '1\n', b: '2\n' }, envelope('*** Delete File: a'), { b: '2\n' }],
    ['changes a line', { a: '1\n2\n3\n' }, update('@@', ' 1', '-2', '+two', ' 3'), { a: '1\ntwo\n3\n' }],
    ['works without @@', { a: '1\n2\n3\n' }, update(' 1', '-2', '+two'), { a: '1\ntwo\n3\n' }],
    [
      'takes several hunks in order',
      { a: '1\n2\n3\n4\n5\n' },
      update('@@', '-1', '+one', '@@', '-5', '+five'),
      { a: 'one\n2\n3\n4\nfive\n' },
    ],
    [
      'finds a line by an anchor',
      { a: 'f:\n x\ng:\n x\n' },
      update('@@ g:', '-x', '+y').replace('-x', '- x').replace('+y', '+ y'),
      { a: 'f:\n x\ng:\n y\n' },
    ],
    [
      'follows nested anchors',
      { a: 'A\n f\n  x\nB\n f\n  x\n' },
      update('@@ B', '@@  f', '-  x', '+  y'),
      { a: 'A\n f\n  x\nB\n f\n  y\n' },
    ],
    ['inserts behind an anchor', { a: '1\n2\n' }, update('@@ 1', '+new'), { a: '1\nnew\n2\n' }],
    ['appends where nothing says where', { a: '1\n2\n' }, update('@@', '+new'), { a: '1\n2\nnew\n' }],
    ['anchors at the end of the file', { a: 'x\ny\nx\n' }, update('@@', '-x', '+z', '*** End of File'), { a: 'x\ny\nz\n' }],
    ['reads a unified position as no anchor', { a: '1\n2\n' }, update('@@ -1,2 +1,2 @@', ' 1', '-2', '+two'), { a: '1\ntwo\n' }],
    ['ignores spaces at line ends', { a: '1  \n2\t\n3\n' }, update('@@', ' 1', '-2', '+two'), { a: '1  \ntwo\n3\n' }],
    [
      'ignores indentation last',
      { a: '    if x:\n        y\n' },
      update('@@', ' if x:', '-y', '+        z'),
      { a: '    if x:\n        z\n' },
    ],
    [
      'sees through typographic quotes and dashes',
      { a: 'say “hi” – now\nb\n' },
      update('@@', ' say "hi" - now', '-b', '+c'),
      { a: 'say “hi” – now\nc\n' },
    ],
    ['prefers the exact line', { a: '  x\nx\n' }, update('@@', '-x', '+y'), { a: '  x\ny\n' }],
    [
      'keeps CRLF everywhere, new lines too',
      { a: '1\r\n2\r\n3\r\n' },
      update('@@', ' 1', '-2', '+two', '+more', ' 3'),
      { a: '1\r\ntwo\r\nmore\r\n3\r\n' },
    ],
    ['keeps mixed line ends', { a: '1\r\n2\n3\r\n' }, update('@@', ' 1', '-2', '+two'), { a: '1\r\ntwo\n3\r\n' }],
    [
      'takes a patch with CRLF for a file with LF',
      { a: '1\n2\n' },
      update('@@', ' 1', '-2', '+two').replaceAll('\n', '\r\n'),
      { a: '1\ntwo\n' },
    ],
    ['keeps a byte order mark', { a: '\ufeff1\n2\n' }, update('@@', '-1', '+one'), { a: '\ufeffone\n2\n' }],
    ['keeps a missing last line end', { a: '1\n2' }, update('@@', '-2', '+two'), { a: '1\ntwo' }],
    ['keeps it where lines are appended', { a: '1\n2' }, update('@@', ' 2', '+3'), { a: '1\n2\n3' }],
    ['leaves the line before a removed last one as it is', { a: '1\n2' }, update('@@', '-2'), { a: '1\n' }],
    ['keeps it where the change is elsewhere', { a: '1\n2\n3' }, update('@@', '-1', '+one'), { a: 'one\n2\n3' }],
    [
      'keeps bytes that are not UTF-8',
      { a: Buffer.from('caf\xe9\nx\n', 'latin1') },
      update('@@', '-x', '+é'),
      { a: Buffer.from('caf\xe9\n\xc3\xa9\n', 'latin1') },
    ],
    ['fills an empty file', { a: '' }, update('@@', '+1'), { a: '1\n' }],
    ['empties a file', { a: '1\n' }, update('@@', '-1'), { a: '' }],
    ['takes an empty line as context', { a: '1\n\n3\n' }, update('@@', ' 1', '', '-3', '+three'), { a: '1\n\nthree\n' }],
    ['renames', { a: '1\n' }, update('*** Move to: d/b'), { 'd/b': '1\n' }],
    ['renames with a change', { a: '1\n2\n' }, update('*** Move to: b', '@@', '-1', '+one'), { b: 'one\n2\n' }],
    ['replaces a file by delete and add', { a: '1\n' }, envelope('*** Delete File: a', '*** Add File: a', '+new'), { a: 'new\n' }],
    ['updates what it added', {}, envelope('*** Add File: n', '+é', '*** Update File: n', '@@', '-é', '+è'), { n: 'è\n' }],
    [
      'keeps added lines that look like marks',
      {},
      envelope('*** Add File: n', '++1', '+-2', '+*** End Patch'),
      { n: '+1\n-2\n*** End Patch\n' },
    ],
    ['takes names with spaces', { 'a b': '1\n' }, envelope('*** Update File: a b', '@@', '-1', '+2'), { 'a b': '2\n' }],
  ];
  test.each(table)('%s', async (_name, before, patch, after) => {
    await fill(before);
    expect(await apply(patch)).toMatch(/^Applied:\n/);
    const wanted = Object.entries(after).map(([path, content]) => [
      path,
      typeof content === 'string' ? bytes(content) : content.toString('latin1'),
    ]);
    expect(await treeNow()).toEqual(Object.fromEntries(wanted));
  });
});

describe('patches that are refused and change nothing', () => {
  const first = ['*** Add File: new/first', '+never'];
  const table: readonly (readonly [string, string, RegExp])[] = [
    [
      'lines that are not there',
      envelope(...first, '*** Update File: a', '@@', '-nothing', '+x'),
      /a: these lines were not found:\n {2}nothing/,
    ],
    ['lines that fit twice', envelope(...first, '*** Update File: a', '@@', '-same', '+x'), /ambiguous, they fit at lines 2, 4/],
    ['an anchor that fits twice', envelope(...first, '*** Update File: a', '@@ same', '+x'), /ambiguous, they fit at lines 3, 5/],
    ['an anchor that is not there', envelope(...first, '*** Update File: a', '@@ nowhere', '-1', '+x'), /behind @@ was not found/],
    ['hunks in the wrong order', envelope(...first, '*** Update File: a', '@@', '-5', '+x', '@@', '-1', '+x'), /order of the file/],
    ['an end that is elsewhere', envelope(...first, '*** Update File: a', '@@', '-1', '+x', '*** End of File'), /at the end of the file/],
    ['a missing file', envelope(...first, '*** Update File: none', '@@', '-1', '+x'), /none does not exist/],
    ['a missing file to delete', envelope(...first, '*** Delete File: none'), /none does not exist/],
    ['an existing file to add', envelope(...first, '*** Add File: a', '+x'), /a exists already/],
    ['an existing target', envelope(...first, '*** Update File: a', '*** Move to: bin'), /bin exists already/],
    ['a folder', envelope(...first, '*** Delete File: sub'), /sub is a folder/],
    ['a binary file', envelope(...first, '*** Update File: bin', '@@', '-1', '+x'), /bin is a binary file/],
    ['a path above the workspace', envelope(...first, '*** Add File: ../out', '+x'), /outside the workspace/],
    ['an absolute path elsewhere', envelope(...first, '*** Delete File: /etc/hostname'), /outside the workspace/],
    ['a path through a link that leaves', envelope(...first, '*** Add File: leak/out', '+x'), /outside the workspace/],
    ['a file that is a link out', envelope(...first, '*** Update File: leakfile', '@@', '-secret', '+x'), /outside the workspace/],
    ['a dangling link out', envelope(...first, '*** Add File: dangling', '+x'), /outside the workspace|exists already/],
    ['a file as a folder', envelope(...first, '*** Add File: a/b', '+x'), /error/],
    ['no begin', '*** Add File: x\n+1\n*** End Patch', /must begin with/],
    ['no end (a cut patch)', `*** Begin Patch\n${first.join('\n')}`, /must end with/],
    ['something behind the end', `${envelope(...first)}\nrm -rf`, /something follows/],
    ['an empty envelope', envelope(), /holds no change/],
    ['an update without a hunk', envelope(...first, '*** Update File: a'), /has no hunk/],
    ['a hunk that changes nothing', envelope(...first, '*** Update File: a', '@@', ' 1'), /changes nothing/],
    ['a line without a mark', envelope(...first, '*** Update File: a', '@@', 'x'), /starts with " ", "\+" or "-"/],
    ['an added line without a plus', envelope('*** Add File: x', 'oops'), /starts with "\+"/],
  ];
  test.each(table)('%s', async (_name, patch, message) => {
    await fill({ a: '1\nsame\n3\nsame\n5\n', bin: Buffer.from([1, 0, 2]), 'sub/x': 'x' });
    await mkdir(join(outer, 'away'));
    await writeFile(join(outer, 'away', 'secret'), 'secret\n');
    await symlink(join(outer, 'away'), join(root, 'leak'));
    await symlink(join(outer, 'away', 'secret'), join(root, 'leakfile'));
    await symlink(join(outer, 'away', 'none'), join(root, 'dangling'));
    const names = async (): Promise<string[]> => (await readdir(outer, { recursive: true })).sort();
    const before = await names();
    expect(await apply(patch)).toMatch(message);
    expect(await names()).toEqual(before);
    expect(await readFile(join(root, 'a'), 'utf8')).toBe('1\nsame\n3\nsame\n5\n');
    expect(await readFile(join(outer, 'away', 'secret'), 'utf8')).toBe('secret\n');
  });
});

test('the mode of a file is kept, also by a move', async () => {
  await fill({ a: '1\n' });
  await chmod(join(root, 'a'), 0o755);
  await apply(update('*** Move to: b', '@@', '-1', '+2'));
  expect((await stat(join(root, 'b'))).mode & 0o777).toBe(0o755);
});

test('an update through a link inside the workspace changes the file and leaves the link', async () => {
  await fill({ real: '1\n' });
  await symlink('real', join(root, 'a'));
  await apply(update('@@', '-1', '+2'));
  expect((await lstat(join(root, 'a'))).isSymbolicLink()).toBe(true);
  expect(await readFile(join(root, 'real'), 'utf8')).toBe('2\n');
});

test('what fails while files are put in place is undone', async () => {
  await fill({ a: '1\n', '.b.codebay-old/x': 'in the way', b: '2\n' });
  const before = await treeNow();
  expect(
    await apply(envelope('*** Update File: a', '@@', '-1', '+one', '*** Update File: b', '@@', '-2', '+two', '*** Add File: n/m', '+x')),
  ).toMatch(/^error/);
  expect(await treeNow()).toEqual(before);
  expect(await readdir(root)).not.toContain('n');
});

describe('any edit of any text', () => {
  const lineEnd = fc.constantFrom('\n', '\r\n');
  const content = fc.stringMatching(/^[ -~é–]{0,6}$/);
  const edits = fc.array(
    fc.record({ text: content, end: lineEnd, change: fc.constantFrom('keep', 'keep', 'remove', 'replace', 'insert'), fresh: content }),
    { minLength: 1, maxLength: 25 },
  );

  test('a hunk over the whole file gives exactly the new text and leaves every kept line as it was', () => {
    fc.assert(
      fc.property(edits, fc.boolean(), (lines, openEnded) => {
        fc.pre(lines.some(({ change }) => change !== 'keep'));
        const last = lines.length - 1;
        const old = lines.map(({ text, end }, index) => text + (openEnded && index === last ? '' : end)).join('');
        fc.pre(!openEnded || (lines[last]?.text ?? '') !== '');
        const hunk = lines.flatMap(({ text, change, fresh }) => {
          if (change === 'keep') return [` ${text}`];
          if (change === 'remove') return [`-${text}`];
          return change === 'replace' ? [`-${text}`, `+${fresh}`] : [`+${fresh}`, ` ${text}`];
        });
        const [action] = parsePatch(update('@@', ...hunk));
        if (action?.type !== 'update') throw new Error('not an update');
        const result = applyHunks(old, action.hunks, 'a');
        const wanted = lines.flatMap(({ text, change, fresh }) => {
          if (change === 'remove') return [];
          if (change === 'replace') return [fresh];
          return change === 'insert' ? [fresh, text] : [text];
        });
        const split = result.split(/\r?\n/);
        expect(result.endsWith('\n') || result === '' ? split.slice(0, -1) : split).toEqual(wanted);
        const kept = lines.slice(0, last).filter(({ change }) => change === 'keep' || change === 'insert');
        for (const { text, end } of kept) expect(result).toContain(text + end);
        if (lines.slice(0, last).every(({ end }) => end === '\r\n') && lines.length > 1 && lines[last]?.end === '\r\n') {
          expect(result.replaceAll('\r\n', '')).not.toContain('\n');
        }
      }),
      { numRuns: 300 },
    );
  });

  test('a patch and its reverse give the first text back, byte for byte', () => {
    fc.assert(
      fc.property(fc.uniqueArray(content, { minLength: 2, maxLength: 20 }), lineEnd, fc.nat(), content, (texts, end, pick, fresh) => {
        const index = pick % texts.length;
        const line = texts[index] ?? '';
        fc.pre(!texts.includes(fresh));
        const old = texts.map((text) => text + end).join('');
        const change = (from: string, to: string): readonly string[] => [
          ...texts.slice(0, index).map((text) => ` ${text}`),
          `-${from}`,
          `+${to}`,
          ...texts.slice(index + 1).map((text) => ` ${text}`),
        ];
        const run = (text: string, lines: readonly string[]): string => {
          const [action] = parsePatch(update('@@', ...lines));
          if (action?.type !== 'update') throw new Error('not an update');
          return applyHunks(text, action.hunks, 'a');
        };
        expect(run(run(old, change(line, fresh)), change(fresh, line))).toBe(old);
      }),
      { numRuns: 300 },
    );
  });
});

import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { unpackStagedCode } from '../../../agent/sidecar/staged-code.ts';
import { createWorkspace } from '../../../agent/sidecar/workspace.ts';
import { createBareCompartment } from '../../support/bare-compartment.ts';
import { makeRepository, openTemporaryFolder, stage } from '../../support/run-fixture.ts';

const BASE = {
  'kept.txt': 'one\ntwo\n',
  'crlf.txt': 'a\r\nb\r\n',
  'gone.txt': 'bye\n',
  'run.sh': 'echo hi\n',
  'binary.bin': Buffer.from([0, 1, 2, 255, 254]),
  'ünïcode/f ile.txt': 'u\n',
  '.gitattributes': '*.txt text=auto eol=lf\n',
  '.gitignore': 'ignored/\n',
};

const git = (cwd: string, ...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] }).toString();

/** Unpacks a repository into a compartment, lets `change` work on it, and applies the delta to a second, clean one. */
const roundTrip = async (change: (code: string) => Promise<void>) => {
  const folder = await openTemporaryFolder();
  const notes: string[] = [];
  const places = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const path = join(folder.path, name);
      const compartment = await createBareCompartment(path);
      const scratch = join(path, 'scratch');
      await mkdir(scratch);
      const workspace = createWorkspace({ compartment, scratch, maxDeltaBytes: 2 ** 24, note: (text) => notes.push(text) });
      return { compartment, workspace, code: compartment.paths.code };
    }),
  );
  const signal = AbortSignal.timeout(60_000);
  try {
    await makeRepository(join(folder.path, 'repo'), BASE);
    const archive = await stage(join(folder.path, 'repo'));
    for (const { compartment, workspace } of places) {
      await unpackStagedCode({ gateway: { code: async () => Readable.from([archive]) as IncomingMessage }, compartment, signal });
      await workspace.begin(signal);
    }
    const [one, two] = places;
    if (one === undefined || two === undefined) throw new Error('two places');
    await change(one.code);
    const { delta } = await one.workspace.snapshot(signal);
    const patch = delta === null ? null : await readFile(delta.path, 'latin1');
    if (delta !== null) await two.workspace.restore(createReadStream(delta.path), signal);
    const file = (name: string) => readFile(join(two.code, name)).catch(() => null);
    const mode = async (name: string) => (await stat(join(two.code, name))).mode & 0o100;
    const results = { patch, notes, again: (await two.workspace.snapshot(signal)).tree === (await one.workspace.snapshot(signal)).tree };
    const names = [
      'kept.txt',
      'crlf.txt',
      'gone.txt',
      'binary.bin',
      'new/deep.txt',
      'inner/file.txt',
      'inner/deeper/z',
      'ignored/x',
      'link',
    ];
    const contents = Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, (await file(name))?.toString('latin1') ?? null])),
    );
    return { ...results, contents: contents as Record<string, string | null>, executable: (await mode('run.sh')) !== 0 };
  } finally {
    await folder.remove();
  }
};

test('an untouched tree has no delta, whatever its attributes say of line ends', async () => {
  expect((await roundTrip(async () => undefined)).patch).toBeNull();
});

const rows: [string, (code: string) => Promise<void>, Record<string, string | null>][] = [
  [
    'a new file in a new folder',
    (code) => mkdir(join(code, 'new')).then(() => writeFile(join(code, 'new/deep.txt'), 'n')),
    { 'new/deep.txt': 'n' },
  ],
  ['a deletion', (code) => rm(join(code, 'gone.txt')), { 'gone.txt': null, 'kept.txt': 'one\ntwo\n' }],
  ['CRLF lines', (code) => writeFile(join(code, 'crlf.txt'), 'a\r\nB\r\nc\n'), { 'crlf.txt': 'a\r\nB\r\nc\n' }],
  ['binary content', (code) => writeFile(join(code, 'binary.bin'), Buffer.from([9, 0, 13, 10, 200])), { 'binary.bin': '\t\0\r\n\xc8' }],
  ['a link', (code) => symlink('kept.txt', join(code, 'link')), { link: 'one\ntwo\n' }],
  [
    'a deleted .git',
    async (code) => {
      await rm(join(code, '.git'), { recursive: true });
      await writeFile(join(code, 'kept.txt'), 'changed\n');
    },
    { 'kept.txt': 'changed\n' },
  ],
  [
    "the agent's own commits",
    async (code) => {
      await writeFile(join(code, 'kept.txt'), 'committed\n');
      git(code, 'add', '-A');
      git(code, 'commit', '-qm', 'mine');
    },
    { 'kept.txt': 'committed\n' },
  ],
  [
    'repositories inside, with and without commits',
    async (code) => {
      await mkdir(join(code, 'inner/deeper'), { recursive: true });
      git(join(code, 'inner'), 'init', '-q');
      git(join(code, 'inner/deeper'), 'init', '-q');
      await writeFile(join(code, 'inner/file.txt'), 'f\r\n');
      git(join(code, 'inner'), 'add', 'file.txt');
      git(join(code, 'inner'), 'commit', '-qm', 'x');
      await writeFile(join(code, 'inner/deeper/z'), 'z');
    },
    { 'inner/file.txt': 'f\r\n', 'inner/deeper/z': 'z' },
  ],
  [
    'hostile attributes and configuration',
    async (code) => {
      await writeFile(join(code, '.gitattributes'), '* filter=evil text eol=crlf working-tree-encoding=UTF-16 diff=evil ident\n');
      const evil = `[core]\n\tfsmonitor = "touch ${code}/new; mkdir ${code}/owned"\n[filter "evil"]\n\tclean = rm -rf ${code}/kept.txt\n`;
      await writeFile(join(code, '.git/config'), evil);
      await writeFile(join(code, 'crlf.txt'), '$Id$\r\n');
    },
    { 'crlf.txt': '$Id$\r\n', 'kept.txt': 'one\ntwo\n' },
  ],
  [
    'what .gitignore names stays out',
    async (code) => {
      await mkdir(join(code, 'ignored'));
      await writeFile(join(code, 'ignored/x'), 'x');
      await writeFile(join(code, 'kept.txt'), 'k');
    },
    { 'ignored/x': null, 'kept.txt': 'k' },
  ],
];

test.each(rows)('the delta carries %s', async (_, change, expected) => {
  const { contents, again } = await roundTrip(change);
  expect(contents).toMatchObject(expected);
  expect(again).toBe(true);
});

test('the delta carries a changed mode', async () => {
  expect((await roundTrip((code) => chmod(join(code, 'run.sh'), 0o755))).executable).toBe(true);
});

import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Client, Connection } from '@temporalio/client';
import { execa } from 'execa';
import type { TaskRequest } from '../../sdk/index.ts';
import type { CodeTaskInput } from '../../tasks/spec.ts';
import type { TaskView } from '../../tasks/task-view.ts';
import { openTaskBench, type TaskBench } from '../support/e2e-task.ts';
import { commitFiles, createBareRepository, gitIn } from '../support/git-repos.ts';
import type { ModelScript } from '../support/scripted-model.ts';
import { until } from '../support/until.ts';
import { craftZip, type ZipEntry } from '../support/zips.ts';

/** The prompt is a shell command that the agent runs; its last words are what that printed. */
const script: ModelScript = ({ body }) => {
  const users = body.messages.flatMap(({ role, content }) => (role === 'user' && content ? [content] : []));
  const steered = users.find((text) => text.startsWith('[Message'));
  const printed = body.messages.filter(({ role }) => role === 'tool');
  if (printed.length > 0) return { text: `${printed.at(-1)?.content}\n${steered ?? ''}` };
  return { calls: [{ name: 'shell', arguments: { command: users.at(-1) } }] };
};

let bench: TaskBench;
let temporal: Client;
let origin: string;
const commits: Record<string, string> = {};
const scope = new AsyncDisposableStack();

/** Changes, adds, renames and links everything that patches have been known to break. */
const CHANGE_EVERYTHING = [
  "printf 'more\\r\\n' >> crlf.txt",
  "printf '\\000\\377' >> image.bin",
  'for name in caf*.txt gr*.txt; do printf more >> "$name"; done',
  'chmod +x plain.txt',
  "printf 'no newline at the end' > 'new ☃ \"file\".txt'",
  'ln -s crlf.txt link',
  'mv bom.txt moved.txt',
  'git add -A && git -c user.name=a -c user.email=a@b commit -qm "its own commit"',
  'printf last >> plain.txt',
].join('\n');

beforeAll(async () => {
  bench = scope.use(
    await openTaskBench(script, {
      env: {
        CODEBAY_MAX_RUNS: '4',
        CODEBAY_GIT_ALLOWED_HOSTS: '127.0.0.1',
        CODEBAY_MAX_FILES: '60',
        CODEBAY_MAX_UNPACKED_MB: '2',
        CODEBAY_MAX_ZIP_MB: '1',
      },
    }),
  );
  const connection = scope.adopt(await Connection.connect({ address: bench.station.temporalAddress }), (it) => it.close());
  temporal = new Client({ connection });
  origin = new URL(bench.repositoryUrl).origin;

  const which = createBareRepository(bench.folder, 'which.git');
  const named = (content: string) => [
    { path: 'which.txt', content },
    { path: 'packages/app/inner.txt', content: `inner ${content}` },
  ];
  commits.first = commitFiles(which, 'main', named('first'));
  commits.main = commitFiles(which, 'main', named('main'));
  commits.feature = commitFiles(which, 'feature/x', named('feature'));
  commits.tag = commitFiles(which, 'tagging', named('tag'));
  gitIn(which, ['tag', '--annotate', '--message=v1', 'v1', commits.tag]);
  gitIn(which, ['branch', '-D', 'tagging']);

  createBareRepository(bench.folder, 'empty.git');
  const many = Array.from({ length: 61 }, (_, index) => ({ path: `${index}.txt`, content: 'x' }));
  commitFiles(createBareRepository(bench.folder, 'many.git'), 'main', many);
  const large = [{ path: 'large.bin', content: Buffer.alloc(3 * 2 ** 20, 7) }];
  commitFiles(createBareRepository(bench.folder, 'large.git'), 'main', large);
  commits.odd = commitFiles(createBareRepository(bench.folder, 'odd.git'), 'main', [
    { path: '.gitattributes', content: '*.txt text=auto\n' },
    { path: 'crlf.txt', content: 'one\r\ntwo\r\n' },
    { path: 'bom.txt', content: '\ufeffhello\n' },
    { path: 'image.bin', content: Buffer.from([0, 1, 2, 255, 10, 13, 10]) },
    { path: Buffer.from('caf\xe9.txt', 'latin1'), content: 'latin\n' },
    { path: 'grüße.txt', content: 'hallo\n' },
    { path: 'plain.txt', content: 'plain' },
    { path: 'run.sh', content: '#!/bin/sh\n', mode: '100755' },
    { path: 'to-plain', content: 'plain.txt', mode: '120000' },
  ]);
}, 90_000);
afterAll(() => scope.disposeAsync());

/** Concurrent tests begin before `beforeAll` has ended. */
const ready = () => until('the station is up', () => commits.odd, 90_000);

const gitSource = (name: string, rest: { ref?: string; subfolder?: string } = {}): TaskRequest['source'] => ({
  type: 'git',
  url: `${origin}/${name}.git`,
  ...rest,
});

const explanationOf = async (id: string): Promise<string> => (await bench.client.artifact(id, 'explanation.md')).text();

/** The task's end, or what the API said instead of taking it. */
const outcomeOf = async (submitted: Promise<TaskView>): Promise<string> => {
  const taken = await submitted.catch((error: { problem?: { code: string } }) => error);
  if (!('id' in taken)) return `refused ${taken.problem?.code}`;
  const { status, failure } = await bench.finished(taken.id);
  if (failure !== null) expect(failure).toMatchObject({ title: /\S/, remedy: /\S/, detail: /\S/ });
  return `${status} ${failure?.reason}`;
};

describe('code that is taken', () => {
  test.concurrent.each([
    ['the default branch', {}, 'main', 'main'],
    ['a branch with a slash', { ref: 'feature/x' }, 'feature', 'feature'],
    ['an annotated tag', { ref: 'v1' }, 'tag', 'tag'],
    ['a subfolder', { subfolder: 'packages/app' }, 'main', 'inner main'],
  ])('%s', async (_name, rest, commit, content) => {
    await ready();
    const { id } = await bench.submit({
      source: gitSource('which', rest),
      prompt: 'cat which.txt inner.txt 2>/dev/null; git status --short',
    });
    expect(await bench.finished(id)).toMatchObject({ status: 'COMPLETED', commit: commits[commit] });
    expect((await explanationOf(id)).trim().split('\n').at(-1)).toBe(content);
    expect(await bench.client.diff(id)).toHaveLength(0);
  });

  test.concurrent('a commit that is no branch any more', async () => {
    await ready();
    const { first = '' } = commits;
    const { id } = await bench.submit({ source: gitSource('which', { ref: first }), prompt: 'cat which.txt' });
    expect(await bench.finished(id)).toMatchObject({ status: 'COMPLETED', commit: first });
    expect(await explanationOf(id)).toContain('first');
  });

  test.concurrent('files of every kind, whose diff makes the same bytes as the same changes by hand', async () => {
    await ready();
    const { id } = await bench.submit({ source: gitSource('odd'), prompt: CHANGE_EVERYTHING });
    expect(await bench.finished(id)).toMatchObject({ status: 'COMPLETED', commit: commits.odd });
    const patch = Buffer.from(await bench.client.diff(id));

    const clone = async (name: string): Promise<string> => {
      await execa('git', ['clone', '--quiet', join(bench.folder, 'odd.git'), join(bench.folder, name)]);
      return join(bench.folder, name);
    };
    const treeOf = (folder: string): string => {
      gitIn(folder, ['-c', 'core.autocrlf=false', 'add', '--all']);
      return gitIn(folder, ['write-tree']);
    };
    const byHand = await clone('by-hand');
    await execa('sh', ['-c', CHANGE_EVERYTHING], { cwd: byHand });
    const patched = await clone('patched');
    gitIn(patched, ['apply', '--binary'], patch);
    expect(treeOf(patched)).toBe(treeOf(byHand));
    expect(gitIn(patched, ['ls-tree', '-r', '--name-only', '-z', treeOf(patched)]).split('\0')).toHaveLength(12);
    for (const name of ['crlf.txt', 'image.bin', 'moved.txt', 'grüße.txt', 'plain.txt', 'new ☃ "file".txt'])
      expect(readFileSync(join(patched, name))).toEqual(readFileSync(join(byHand, name)));
  });

  test('a folder by the command line: uncommitted and new files, no ignored and deleted ones; and the diff applies there', async () => {
    const folder = join(bench.folder, 'local');
    mkdirSync(join(folder, 'bin'), { recursive: true });
    const write = (name: string, content: string): void => writeFileSync(join(folder, name), content);
    gitIn(folder, ['init', '--quiet', '--initial-branch=main']);
    write('.gitignore', 'secret.env\n');
    write('kept.txt', 'committed\n');
    write('gone.txt', 'committed\n');
    write('bin/run', '#!/bin/sh\necho it runs\n');
    chmodSync(join(folder, 'bin/run'), 0o755);
    symlinkSync('kept.txt', join(folder, 'link'));
    gitIn(folder, ['add', '--all']);
    gitIn(folder, ['commit', '--quiet', '--message=one']);
    write('kept.txt', 'committed\nnot committed\n');
    write('ünversioned.txt', 'new\n');
    write('secret.env', 'TOKEN=1\n');
    rmSync(join(folder, 'gone.txt'));

    const command = 'ls; cat link; bin/run; test -e secret.env || echo no secret; echo from the agent > bin/made.txt';
    const run = await bench.station.cli('run', '--dir', folder, '--json', command);
    expect({ exitCode: run.exitCode, stderr: run.stderr }).toEqual({ exitCode: 0, stderr: expect.any(String) });
    const task = JSON.parse(run.stdout) as TaskView;
    expect(task).toMatchObject({ status: 'COMPLETED', repo: 'zip', commit: null });
    const printed = await explanationOf(task.id);
    expect(printed).toContain('bin\nkept.txt\nlink\nünversioned.txt\ncommitted\nnot committed\nit runs\nno secret\n');
    expect(printed).not.toContain('gone.txt');
    gitIn(folder, ['apply', '--binary'], Buffer.from(await bench.client.diff(task.id)));
    expect(readFileSync(join(folder, 'bin/made.txt'), 'utf8')).toBe('from the agent\n');
  });
});

const file: ZipEntry = { name: 'a.txt', content: 'a' };
const noise = Buffer.from(Array.from({ length: 2 ** 20 + 1 }, (_, index) => (index * 2_654_435_761) >>> 24));

describe('code that is refused, while the station serves on', () => {
  test.concurrent.each<[string, () => TaskRequest['source'], string]>([
    ['an unknown repository', () => gitSource('none'), 'FAILED SOURCE_NOT_FOUND'],
    ['an unknown ref', () => gitSource('which', { ref: 'nope' }), 'FAILED SOURCE_NOT_FOUND'],
    ['an unknown subfolder', () => gitSource('which', { subfolder: 'nope' }), 'FAILED SOURCE_NOT_FOUND'],
    ['an empty repository', () => gitSource('empty'), 'FAILED SOURCE_EMPTY'],
    ['too many files', () => gitSource('many'), 'FAILED SOURCE_TOO_LARGE'],
    ['too many bytes', () => gitSource('large'), 'FAILED SOURCE_TOO_LARGE'],
    ['a port where nobody listens', () => ({ type: 'git', url: 'http://127.0.0.1:1/x.git' }), 'FAILED SOURCE_UNREACHABLE'],
    ['a private host', () => ({ type: 'git', url: 'https://10.0.0.1/x.git' }), 'refused SOURCE_REFUSED'],
    ['credentials', () => ({ type: 'git', url: 'https://me:secret@example.com/x.git' }), 'refused SOURCE_REFUSED'],
    ['a file', () => ({ type: 'git', url: 'file:///etc' }), 'refused SOURCE_REFUSED'],
    ['an option', () => ({ type: 'git', url: '--upload-pack=touch /tmp/x' }), 'refused SOURCE_REFUSED'],
    ['an option as ref', () => gitSource('which', { ref: '--upload-pack=x' }), 'refused INVALID_TASK'],
    ['a subfolder outside', () => gitSource('which', { subfolder: '../x' }), 'refused INVALID_TASK'],
    ['no zip', () => ({ type: 'zip' }), 'refused INVALID_TASK'],
  ])('%s', async (_name, source, outcome) => {
    await ready();
    expect(await outcomeOf(bench.submit({ source: source(), prompt: 'true' }))).toBe(outcome);
  });

  test.concurrent.each<[string, Buffer | readonly ZipEntry[], string]>([
    ['noise for a zip', Buffer.from('PK, but no more'), 'FAILED ARCHIVE_INVALID'],
    ['an encrypted zip', [{ ...file, flags: 0x801 }], 'FAILED ARCHIVE_INVALID'],
    ['a zip that slips out', [file, { name: '../evil.txt', content: 'x' }], 'FAILED ARCHIVE_UNSAFE'],
    ['a zip with a link that leads out', [{ name: 'l', content: '/etc/passwd', mode: 0o120777 }], 'FAILED ARCHIVE_UNSAFE'],
    ['an empty zip', [], 'FAILED SOURCE_EMPTY'],
    ['a zip that unpacks to too much', [{ name: 'x', content: Buffer.alloc(3 * 2 ** 20, 'abc') }], 'FAILED SOURCE_TOO_LARGE'],
    ['a zip that is too large itself', [{ name: 'x', content: noise, stored: true }], 'refused ZIP_TOO_LARGE'],
  ])('%s', async (_name, zip, outcome) => {
    await ready();
    const code = Readable.from([Buffer.isBuffer(zip) ? zip : craftZip(zip)]);
    expect(await outcomeOf(bench.client.submit({ source: { type: 'zip' }, prompt: 'true' }, { code }))).toBe(outcome);
  });

  test('by the command line, which says what to do', async () => {
    const run = await bench.station.cli('run', '--repo', `${origin}/which.git`, '--ref', 'nope', 'true');
    expect(run).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('SOURCE_NOT_FOUND') });
    const refused = await bench.station.cli('run', '--repo', 'https://10.0.0.1/x.git', 'true');
    expect(refused).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining('CODEBAY_GIT_ALLOWED_HOSTS') });
  });
});

test('a message reaches the working agent, and the events tell when', async () => {
  const { id } = await bench.submit({ source: gitSource('which'), prompt: 'until test -e go; do sleep 0.1; done' });
  const go = join(bench.dataDir, 'runs', `${id}-a1`, 'code/go');
  await until('the agent works', async () => (await bench.client.logs(id)).includes('until test -e go'));
  expect(await bench.station.cli('message', id, 'Mind the gap')).toMatchObject({ exitCode: 0 });
  writeFileSync(go, '');
  expect(await bench.finished(id)).toMatchObject({ status: 'COMPLETED' });
  expect(await explanationOf(id)).toContain('Mind the gap');
  const changes: string[] = [];
  for await (const event of bench.client.events(id)) if (event.type === 'message') changes.push(`${event.data.change}: ${event.data.text}`);
  expect(changes).toEqual(['received: Mind the gap', 'delivered: Mind the gap']);
  await expect(bench.client.message(id, 'too late')).rejects.toMatchObject({ problem: { code: 'TASK_FINISHED' } });
});

describe('a task that a Temporal client starts', () => {
  const start = (workflowId: string, input: unknown) =>
    temporal.workflow.start('codeTask', { workflowId, taskQueue: 'codebay', args: [input] });

  test('is like any other', async () => {
    const spec: CodeTaskInput['spec'] = { source: { type: 'git', url: `${origin}/which.git` }, prompt: 'cat which.txt', mode: 'explain' };
    const handle = await start('by-temporal', { version: 1, spec });
    expect(await handle.result()).toMatchObject({ status: 'COMPLETED' });
    expect(await bench.client.get('by-temporal')).toMatchObject({ status: 'COMPLETED', mode: 'explain', commit: commits.main });
    expect((await bench.client.list()).data.map(({ id }) => id)).toContain('by-temporal');
  });

  const source = { type: 'git', url: 'https://example.com/x.git' };
  test.each<[string, string, unknown, string]>([
    ['no input', 'bad-1', undefined, 'INVALID_TASK'],
    ['an unknown field', 'bad-2', { version: 1, spec: { source, prompt: 'x', surprise: true } }, 'INVALID_TASK'],
    ['another version', 'bad-3', { version: 2, spec: { source, prompt: 'x' } }, 'INVALID_TASK'],
    ['mode pull_request', 'bad-4', { version: 1, spec: { source, prompt: 'x', mode: 'pull_request' } }, 'UNSUPPORTED'],
    ['an id that is no task id', 'Bad_5', { version: 1, spec: { source, prompt: 'x' } }, 'INVALID_TASK'],
  ])('is refused for %s, and leaves no row', async (_name, id, input, type) => {
    const handle = await start(id, input);
    await expect(handle.result()).rejects.toMatchObject({ name: 'WorkflowFailedError', cause: { type, nonRetryable: true } });
    await expect(bench.client.get(id)).rejects.toMatchObject({ problem: { code: 'NOT_FOUND' } });
  });

  test('is refused for a private host like any other', async () => {
    const spec = { source: { type: 'git', url: 'https://169.254.169.254/x.git' }, prompt: 'x' };
    const handle = await start('private', { version: 1, spec });
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'SOURCE_REFUSED' } });
    expect(await bench.client.get('private')).toMatchObject({ status: 'FAILED', failure: { reason: 'SOURCE_REFUSED' } });
  });
});

import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createReadFile } from '../../../agent/tools/read-file.ts';
import { createSearch } from '../../../agent/tools/search.ts';
import { createShell } from '../../../agent/tools/shell.ts';
import type { Observation, Tool } from '../../../agent/tools/tool.ts';
import { openWorkspace, type Workspace } from '../../../agent/tools/workspace.ts';
import { until } from '../../support/until.ts';

let root: string;
let workspace: Workspace;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'codebay-tools-')));
  workspace = await openWorkspace(root, root);
});
afterEach(() => rm(root, { recursive: true }));

const use = async (tool: Tool, input: object, signal = new AbortController().signal): Promise<Observation> => {
  const call = tool.prepare(JSON.stringify(input));
  if (!call.ok) throw new Error(call.problem);
  return call.run(signal);
};

/** A killed process that nobody has reaped yet is a zombie: it counts as dead. */
const isAlive = async (pid: number): Promise<boolean> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) [ZX] /.test(stat);
};

/** A killed process may take a moment to end; one that was not killed sleeps for longer than this waits. */
const untilDead = (pid: number) => until(`process ${pid} has ended`, async () => !(await isAlive(pid)), 10_000);

describe('shell', () => {
  const shell = (input: object, signal?: AbortSignal): Promise<Observation> =>
    use(createShell({ workspace, env: { PATH: process.env.PATH, OPENAI_API_KEY: 'k' } }), input, signal);

  test('shows exit code, duration and both streams in their order', async () => {
    const { text, essence } = await shell({ command: 'echo 1; echo 2 >&2; echo 3; exit 7' });
    expect(text).toMatch(/^exit code 7 \(\d+\.\d s\)\n1\n2\n3\n$/);
    expect(essence).toBe('exit code 7\n1\n2\n3\n');
  });

  test('has no input, no variables of ours, and a folder of its own', async () => {
    await mkdir(join(root, 'sub'));
    expect((await shell({ command: 'cat; pwd; echo "[$OPENAI_API_KEY]"', workdir: 'sub' })).essence).toBe(`exit code 0\n${root}/sub\n[]\n`);
    expect((await shell({ command: 'true', workdir: '..' })).text).toMatch(/outside the workspace/);
    expect((await shell({ command: 'true', workdir: 'none' })).text).toMatch(/^error: /);
  });

  test('what is not on the list of commands is refused before it runs, and the model knows the list', async () => {
    const tool = createShell({ workspace, env: { PATH: process.env.PATH }, commands: ['echo', 'git status'] });
    expect(tool.definition.function.description).toContain('must begin with one of: echo, git status.');
    expect((await use(tool, { command: 'echo one && touch made' })).text).toBe(
      'error: COMMAND_REFUSED: "touch made" is not allowed. This station allows only commands that begin with: echo, git status.',
    );
    expect((await use(tool, { command: 'echo one && echo two' })).essence).toBe('exit code 0\none\ntwo\n');
    await expect(readFile(join(root, 'made'))).rejects.toThrow('ENOENT');
  });

  test('at its time limit the whole group is killed, and what it printed is shown', async () => {
    const { essence } = await shell({ command: 'sleep 100 & echo $!; sleep 100', timeout_seconds: 0.3 });
    const [, ended, pid] = /^(timed out after 0\.3 s and was killed)\n(\d+)\n$/.exec(essence ?? '') ?? [];
    expect(ended).toBeDefined();
    await untilDead(Number(pid));
  });

  test('a process left in the background ends with the command', async () => {
    const { essence } = await shell({ command: 'sleep 100 & echo $!' });
    expect(essence).toMatch(/^exit code 0\n\d+\n$/);
    await untilDead(Number(essence?.split('\n')[1]));
  });

  test('an abort kills the command and rejects with the reason', async () => {
    const stop = new AbortController();
    await shell({ command: 'mkfifo started' });
    const running = shell({ command: 'echo $$ > started; sleep 100' }, stop.signal);
    const pid = Number(await readFile(join(root, 'started'), 'utf8'));
    expect(await isAlive(pid)).toBe(true);
    stop.abort(new Error('stop'));
    await expect(running).rejects.toThrow('stop');
    await untilDead(pid);
  });

  test('endless output is cut in the middle and stays flat in memory', async () => {
    const before = process.memoryUsage().rss;
    const { text } = await shell({ command: 'echo first; yes codebay | head -c 200000000; echo last' });
    expect(text).toMatch(/^exit code 0 .*\nfirst\n/);
    expect(text).toMatch(/\n… 199990011 characters left out …\n/);
    expect(text).toMatch(/last\n$/);
    expect(text.length).toBeLessThan(10_200);
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
  });
});

describe('read_file', () => {
  const read = (input: object): Promise<Observation> => use(createReadFile(workspace), input);

  test('numbers lines, shows a range, and says how many there are', async () => {
    await writeFile(join(root, 'a'), 'one\r\ntwo\nthree\n');
    expect((await read({ path: 'a' })).text).toBe('     1\tone\n     2\ttwo\n     3\tthree');
    expect((await read({ path: 'a', start_line: 2, end_line: 2 })).text).toBe('     2\ttwo\n(lines 2-2 of 3)');
  });

  test('caps lines and their length', async () => {
    await writeFile(join(root, 'a'), `${'x'.repeat(5000)}\n${'y\n'.repeat(3000)}`);
    const { text } = await read({ path: 'a' });
    expect(text).toContain(`${'x'.repeat(2000)}… (3000 characters more)\n`);
    expect(text).toMatch(/\(lines 1-1000 of 3001\)$/);
  });

  test('refuses what is no text file inside the workspace', async () => {
    await writeFile(join(root, 'bin'), Buffer.from([1, 2, 0, 3]));
    await symlink('/etc/hostname', join(root, 'leak'));
    await writeFile(join(root, 'a'), 'x\n');
    expect((await read({ path: 'bin' })).text).toBe('error: bin is a binary file of 4 bytes');
    expect((await read({ path: '.' })).text).toBe('error: . is a folder');
    expect((await read({ path: 'none' })).text).toMatch(/^error: .*ENOENT/);
    expect((await read({ path: 'leak' })).text).toBe('error: leak is outside the workspace');
    expect((await read({ path: '/dev/zero' })).text).toBe('error: /dev/zero is outside the workspace');
    expect((await read({ path: 'a', start_line: 5 })).text).toBe('error: a has only 1 lines');
  });
});

describe('search', () => {
  const search = (input: object): Promise<Observation> => use(createSearch(workspace, { PATH: process.env.PATH }), input);

  test('finds by pattern, path and glob', async () => {
    await mkdir(join(root, 'sub'));
    await writeFile(join(root, 'a.ts'), 'x\nneedle 1\n');
    await writeFile(join(root, 'sub', 'b.md'), 'needle 2\n');
    expect((await search({ pattern: 'needle [0-9]' })).text.split('\n').sort()).toEqual(['a.ts:2:needle 1', 'sub/b.md:1:needle 2']);
    expect((await search({ pattern: 'needle', glob: '*.md' })).text).toBe('sub/b.md:1:needle 2');
    expect((await search({ pattern: 'needle', path: 'a.ts' })).text).toBe('a.ts:2:needle 1');
    expect((await search({ pattern: 'absent' })).text).toBe('(no matches)');
    expect((await search({ pattern: '--help' })).text).toBe('(no matches)');
  });

  test('caps its output, names a wrong pattern, and stays inside', async () => {
    await writeFile(join(root, 'a'), 'hit\n'.repeat(500));
    expect((await search({ pattern: 'hit' })).text).toMatch(/\n… 300 more lines; narrow/);
    expect((await search({ pattern: '(' })).text).toMatch(/^error: /);
    expect((await search({ pattern: 'root', path: '/etc' })).text).toBe('error: /etc is outside the workspace');
  });
});

import { execFile } from 'node:child_process';
import { chmod, copyFile, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { zstdCompressSync } from 'node:zlib';
import type { RunExit, RunOrder } from '../../tasks/run.ts';

const execute = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

/** A temporary folder that a run's own user may pass through, and its removal. */
export const openTemporaryFolder = async () => {
  const path = await mkdtemp(join(tmpdir(), 'codebay-test-'));
  await chmod(path, 0o755);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
};

export const writeTree = async (root: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> => {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  }
};

/** A repository with one commit of these files. */
export const makeRepository = async (path: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> => {
  await mkdir(path, { recursive: true });
  const git = (...args: string[]) =>
    execute('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'core.autocrlf=false', ...args], { cwd: path });
  await git('init', '-q');
  await writeTree(path, files);
  await git('add', '-A', '-f');
  await git('commit', '-q', '--allow-empty', '-m', 'base');
};

/** A folder as the gateway serves staged code: what is in it, not the folder itself. */
export const stage = async (path: string): Promise<Buffer> => {
  const script = 'ls -A | tar -c -f - --verbatim-files-from -T -';
  const { stdout } = await execute('/bin/sh', ['-c', script], { cwd: path, encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 });
  return zstdCompressSync(stdout);
};

/** An installation whose agent is `main` (a program text); all else is this one's. */
export const makeInstallation = async (path: string, main: string): Promise<string> => {
  await mkdir(join(path, 'agent'), { recursive: true });
  await copyFile(join(ROOT, 'agent/forwarder.ts'), join(path, 'agent/forwarder.ts'));
  await writeFile(join(path, 'agent/main.ts'), main);
  await cp(join(ROOT, 'tasks'), join(path, 'tasks'), { recursive: true });
  await copyFile(join(ROOT, 'package.json'), join(path, 'package.json'));
  await symlink(join(ROOT, 'node_modules'), join(path, 'node_modules'));
  return path;
};

const NODE = join(ROOT, 'node_modules/.bin/node');

/** A run under the real runner, steered from a process of its own. */
export const startRun = async (runsDir: string, installation: string, order: RunOrder, isolation: 'bubblewrap' | 'none' = 'bubblewrap') => {
  const path = join(runsDir, order.runId);
  const control = async (verb: string, input = ''): Promise<string> => {
    const flags = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'run-control.ts')];
    const done = execute(NODE, [...flags, verb, path, installation, isolation]);
    done.child.stdin?.end(input);
    return (await done).stdout;
  };
  await control('start', JSON.stringify(order));
  return {
    path,
    /** Waits for the run's end. */
    exit: async (): Promise<RunExit> => JSON.parse(await control('exit')),
    stop: () => control('stop'),
    remove: () => control('remove'),
  };
};

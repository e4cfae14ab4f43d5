import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type GitServer, startGitServer } from '../../../demo/git-server.ts';
import { createCodeSource } from '../../../platform/git/code-source.ts';
import { DEFAULT_STATION_LIMITS } from '../../../tasks/limits.ts';
import type { CodeSource } from '../../../tasks/ports/code-source.ts';
import { commitFiles, createBareRepository, gitIn } from '../../support/git-repos.ts';
import { readTree, scratchFolder, sinkTo, stageInto } from '../../support/staged-code.ts';

const scratch = scratchFolder();
const tmpDir = join(scratch.path, 'tmp');
const live = new AbortController().signal;
let server: GitServer;
let oldServer: GitServer;
let source: CodeSource;
let repository: string;
let first: string;
let second: string;
/** No branch or tag names it. */
let buried: string;

const FILES = [
  {
    path: '.gitattributes',
    content:
      '* text=auto eol=lf\n*.id ident\n*.u16 working-tree-encoding=UTF-16\n*.lfs filter=lfs\n*.hidden export-ignore\n*.subst export-subst\n',
  },
  { path: 'crlf.txt', content: 'one\r\ntwo\r\n' },
  { path: 'bom.txt', content: Buffer.from([0xef, 0xbb, 0xbf, 0x61]) },
  { path: 'binary.bin', content: Buffer.from([0, 255, 13, 10, 0]) },
  { path: 'keyword.id', content: '$Id$\n' },
  { path: 'text.u16', content: 'utf-8 all the same\n' },
  { path: 'big.lfs', content: 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n' },
  { path: Buffer.from('latin-\xe9.txt', 'latin1'), content: 'caf\xe9' },
  { path: 'ünïcode/日本.txt', content: 'x' },
  { path: Buffer.from(`${'deep-\xe9/'.repeat(60)}${'name-\xff'.repeat(30)}`, 'latin1'), content: 'far down' },
  { path: 'release.hidden', content: 'kept' },
  { path: 'release.subst', content: '$Format:%H$\n' },
  { path: 'empty', content: '' },
  { path: 'zeros', content: Buffer.alloc(4096) },
  { path: 'bin/run.sh', content: '#!/bin/sh\n', mode: '100755' },
  { path: 'inside', content: 'bin/run.sh', mode: '120000' },
  { path: 'outside', content: '/etc/hostname', mode: '120000' },
  { path: '.gitignore', content: 'ignored\n' },
  { path: 'ignored', content: 'committed all the same' },
  { path: '.gitmodules', content: '[submodule "lib"]\n\tpath = lib\n\turl = ../lib.git\n' },
  { path: 'lib', content: '1'.repeat(40), mode: '160000' },
] as const;

beforeAll(async () => {
  const root = join(scratch.path, 'served');
  repository = createBareRepository(root, 'app.git');
  first = commitFiles(repository, 'main', [{ path: 'README', content: 'first' }]);
  buried = commitFiles(repository, 'main', [{ path: 'README', content: 'buried' }]);
  second = commitFiles(repository, 'main', FILES);
  gitIn(repository, ['branch', 'feature/one', first]);
  gitIn(repository, ['tag', 'light', first]);
  gitIn(repository, ['tag', '-a', '-m', 'release', 'v1', first]);
  server = await startGitServer({ root });
  oldServer = await startGitServer({ root, protocolVersion: 0 });
  source = createCodeSource({ limits: DEFAULT_STATION_LIMITS, allowedHosts: ['127.0.0.1'], tmpDir });
});

afterAll(async () => {
  await server.close();
  await oldServer.close();
  scratch.remove();
});

const git = (ref?: string, url = `${server.url}/app.git`) => ({ type: 'git' as const, url, ...(ref === undefined ? {} : { ref }) });

/** A host that is no git server. */
const withHost = async (listener: RequestListener, use: (url: string) => Promise<void>): Promise<void> => {
  const host = createServer(listener);
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  try {
    await use(`http://127.0.0.1:${(host.address() as AddressInfo).port}/app.git`);
  } finally {
    host.closeAllConnections();
    await new Promise((resolve) => host.close(resolve));
  }
};

describe('resolve', () => {
  test.each([
    ['the default branch', undefined, () => second, 'main'],
    ['a branch', 'feature/one', () => first, 'feature/one'],
    ['a lightweight tag', 'light', () => first, null],
    ['an annotated tag, peeled', 'v1', () => first, null],
    ['a full ref name', 'refs/heads/main', () => second, 'main'],
    ['a full name of a tag', 'refs/tags/light', () => first, null],
    ['a commit id', 'COMMIT', () => first, null],
  ])('pins %s', async (_name, ref, commit, branch) => {
    await expect(source.resolve(git(ref === 'COMMIT' ? first : ref), live)).resolves.toEqual({ commit: commit(), branch });
  });

  test('a host that never answers is given up', async () => {
    const impatient = createCodeSource({ limits: DEFAULT_STATION_LIMITS, allowedHosts: ['127.0.0.1'], tmpDir, listTimeoutMs: 300 });
    await withHost(
      () => {},
      async (url) => {
        await expect(impatient.resolve(git(undefined, url), live)).rejects.toMatchObject({ reason: 'SOURCE_UNREACHABLE' });
      },
    );
    expect(readdirSync(tmpDir)).toEqual([]);
  });

  test.each([
    [301, 'SOURCE_REFUSED'],
    [401, 'SOURCE_NOT_FOUND'],
    [403, 'SOURCE_NOT_FOUND'],
    [404, 'SOURCE_NOT_FOUND'],
    [500, 'SOURCE_UNREACHABLE'],
    [200, 'SOURCE_NOT_FOUND'],
  ])('a host that answers %d: %s', async (status, reason) => {
    await withHost(
      (_request, response) =>
        response.writeHead(status, { location: `${server.url}/app.git/info/refs`, 'www-authenticate': 'Basic' }).end('no git'),
      async (url) => {
        await expect(source.resolve(git(undefined, url), live)).rejects.toMatchObject({ reason });
      },
    );
  });
});

describe('stage', () => {
  test('the tree is byte for byte the commit, with a clean shallow repository around it', async () => {
    const folder = join(scratch.path, 'exact');
    const { files } = await stageInto(source, { source: git(), commit: second, zip: null }, folder);
    expect(files).toBe(FILES.length);
    const tree = readTree(folder);
    for (const { path, content, ...rest } of FILES) {
      const mode = 'mode' in rest ? rest.mode : '100644';
      if (mode === '160000') continue;
      expect(tree.get(Buffer.from(path).toString('latin1'))).toEqual({
        kind: mode === '120000' ? 'link' : 'file',
        executable: mode === '100755',
        content: Buffer.from(content).toString('latin1'),
      });
    }
    expect(tree.size).toBe(FILES.length - 1);
    expect(readdirSync(join(folder, 'lib'))).toEqual([]);
    expect(gitIn(folder, ['rev-parse', 'HEAD', 'HEAD^{tree}'])).toBe(gitIn(repository, ['rev-parse', 'main', 'main^{tree}']));
    expect(gitIn(folder, ['rev-list', 'HEAD'])).toBe(second);
    // Without a look at the contents: what was unpacked is what the index expects.
    expect(gitIn(folder, ['diff-files', '--raw'])).toBe('');
    expect(gitIn(folder, ['status', '--porcelain'])).toBe('');
    expect(gitIn(folder, ['remote', 'get-url', 'origin'])).toBe(`${server.url}/app.git`);
    expect(readdirSync(join(folder, '.git'))).not.toContain('hooks');
    expect(readFileSync(join(folder, '.git', 'config'), 'utf8')).not.toMatch(/credential|helper|hooksPath|fsmonitor|proxy/i);
    expect(readdirSync(tmpDir)).toEqual([]);
  });

  test.each([
    ['that gives any commit', () => server],
    ['that gives tips only', () => oldServer],
  ])('an older commit from a host %s', async (_name, host) => {
    const folder = join(scratch.path, `older-${host().url.split(':').at(-1)}`);
    const { files } = await stageInto(source, { source: git(buried, `${host().url}/app.git`), commit: buried, zip: null }, folder);
    expect(files).toBe(1);
    expect(gitIn(folder, ['rev-list', 'HEAD'])).toBe(buried);
  });

  test('a SHA-256 repository', async () => {
    const other = createBareRepository(join(scratch.path, 'served'), 'sha256.git', 'sha256');
    const commit = commitFiles(other, 'main', [{ path: 'a', content: 'a' }]);
    const input = git(undefined, `${server.url}/sha256.git`);
    await expect(source.resolve(input, live)).resolves.toEqual({ commit, branch: 'main' });
    await stageInto(source, { source: input, commit, zip: null }, join(scratch.path, 'sha256'));
    expect(gitIn(join(scratch.path, 'sha256'), ['diff-files', '--raw'])).toBe('');
    expect(gitIn(join(scratch.path, 'sha256'), ['rev-parse', 'HEAD'])).toBe(commit);
  });

  test('a branch that moved on after it was pinned', async () => {
    const moving = createBareRepository(join(scratch.path, 'served'), 'moving.git');
    const pinned = commitFiles(moving, 'main', [{ path: 'a', content: 'old' }]);
    commitFiles(moving, 'main', [{ path: 'a', content: 'new' }]);
    const folder = join(scratch.path, 'moved');
    await stageInto(source, { source: git('main', `${server.url}/moving.git`), commit: pinned, zip: null }, folder);
    expect(readTree(folder).get('a')?.content).toBe('old');
  });

  test('a failing sink and an abort leave nothing behind', async () => {
    const input = { source: git(), commit: second, zip: null, onProgress: () => {} };
    await expect(source.stage({ ...input, signal: live }, () => Promise.reject(new Error('disk full')))).rejects.toThrow('disk full');
    const controller = new AbortController();
    const aborted = withHost(
      () => controller.abort(),
      async (url) => {
        const stage = source.stage(
          { ...input, source: git(undefined, url), signal: controller.signal },
          sinkTo(join(scratch.path, 'never')),
        );
        await expect(stage).rejects.toMatchObject({ name: 'AbortError' });
      },
    );
    await aborted;
    expect(readdirSync(tmpDir)).toEqual([]);
  });

  test('nothing of the user or the environment leads git elsewhere', async () => {
    const home = join(scratch.path, 'home');
    mkdirSync(home);
    const environment = {
      PATH: process.env.PATH,
      HOME: home,
      http_proxy: 'http://127.0.0.1:1',
      GIT_SSH_COMMAND: 'false',
      GIT_DIR: '/nowhere',
    };
    const other = createCodeSource({ limits: DEFAULT_STATION_LIMITS, allowedHosts: ['127.0.0.1'], tmpDir, environment });
    await expect(other.resolve(git(), live)).resolves.toEqual({ commit: second, branch: 'main' });
  });

  test('the name is resolved once and git goes to the checked address', async () => {
    const asked: string[] = [];
    const port = new URL(server.url).port;
    const pinned = createCodeSource({
      limits: DEFAULT_STATION_LIMITS,
      allowedHosts: [`git.example.com:${port}`],
      tmpDir,
      resolveHost: async (host) => {
        asked.push(host);
        return ['127.0.0.1'];
      },
    });
    await expect(pinned.resolve(git(undefined, `http://git.example.com:${port}/app.git`), live)).resolves.toEqual({
      commit: second,
      branch: 'main',
    });
    await expect(pinned.resolve(git(undefined, `http://git.example.com.:${port}/none.git`), live)).rejects.toMatchObject({
      reason: 'SOURCE_NOT_FOUND',
    });
    expect(asked).toEqual(['git.example.com', 'git.example.com']);
  });
});

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fingerprint, IMAGE_NAMES, imageSource } from '../../../scripts/images/images.ts';
import { suiteOf } from '../../../scripts/images/local-base.ts';
import { importsOf } from '../../support/imports.ts';

const root = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const { version, devDependencies } = JSON.parse(read('package.json')) as { version: string; devDependencies: Record<string, string> };
const dockerfile = (name: string): string => read(`deploy/docker/${name}.Dockerfile`);
const argument = (text: string, name: string): string | undefined => new RegExp(`^ARG ${name}=(.+)$`, 'm').exec(text)?.[1];

describe.each(IMAGE_NAMES)('the Dockerfile of %s', (name) => {
  test('names the Node and the version of package.json, and a base that stays what it is', () => {
    const text = dockerfile(name);
    expect(argument(text, 'NODE_VERSION')).toBe(devDependencies.node);
    expect(argument(text, 'VERSION')).toBe(version);
    expect(argument(text, 'BASE')).toMatch(/^debian:[a-z]+-20\d{6}-slim$/);
    expect(text).not.toMatch(/:latest|^FROM (?!\$\{BASE\}|node |packages )/m);
  });

  test('copies only what the build context holds', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const { copied } = imageSource(root, name);
    expect(copied.length).toBeGreaterThan(4);
    expect(copied.filter((path) => !allowed.some((entry) => path === entry || path.startsWith(`${entry}/`)))).toEqual([]);
  });
});

test('both images begin with the same stages, which a build makes once', () => {
  const shared = (name: string) => /^FROM \$\{BASE\} AS node\n[\s\S]*?npm ci .*$/m.exec(dockerfile(name))?.[0];
  expect(shared('codebay')).toContain('AS packages');
  expect(shared('codex-agent')).toBe(shared('codebay'));
});

test('the agent image holds what the agent imports, and no more packages', () => {
  const { files, packages } = importsOf(root, ['agent/main.ts', 'agent/forwarder.ts']);
  expect([...files].filter((file) => !/^(agent\/(?!sidecar\/)|tasks\/)/.test(file))).toEqual([]);
  const carried = [...dockerfile('codex-agent').matchAll(/^COPY --from=packages \S+\/node_modules\/(\S+) /gm)].map((match) => match[1]);
  expect(carried).toEqual([...packages].sort());
});

test('whatever a service imports is in its image', () => {
  const { files } = importsOf(root, ['api/server.ts', 'temporal/worker.ts', 'temporal/ingest.ts', 'cli/main.ts']);
  const { copied } = imageSource(root, 'codebay');
  expect([...files].filter((file) => !copied.some((path) => file === path || file.startsWith(`${path}/`)))).toEqual([]);
});

describe('the fingerprint of an image', () => {
  let copy: string;
  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'codebay-images-'));
    const parts = ['.dockerignore', 'LICENSE', 'package.json', 'package-lock.json', 'agent', 'tasks', 'deploy/docker'];
    for (const part of parts) cpSync(join(root, part), join(copy, part), { recursive: true });
  });
  afterAll(() => rmSync(copy, { recursive: true }));
  const now = (base = 'a') => fingerprint(copy, imageSource(copy, 'codex-agent'), base);

  test('stays while nothing changes that enters it', () => {
    const before = now();
    writeFileSync(join(copy, 'deploy/docker/codebay.sh'), 'exit\n');
    writeFileSync(join(copy, 'README.md'), 'new\n');
    expect([before, now()]).toEqual([expect.stringMatching(/^[0-9a-f]{12}$/), before]);
  });

  test.each(['agent/loop.ts', 'tasks/run.ts', 'deploy/docker/codex-agent.Dockerfile', 'package-lock.json'])('changes with %s', (file) => {
    const before = now();
    writeFileSync(join(copy, file), `${readFileSync(join(copy, file), 'utf8')}\n`);
    expect(now()).not.toBe(before);
  });

  test('changes with its base', () => {
    expect(now('b')).not.toBe(now('a'));
  });
});

test('the release of Debian is read from the base', () => {
  expect(suiteOf('debian:trixie-20260610-slim')).toBe('trixie');
  expect(() => suiteOf('alpine:3')).toThrow('alpine:3 names no release of Debian');
});

import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identifyProcess, isAlive, NOBODY, signalProcess } from '../../../platform/sandbox/process-identity.ts';
import { putInCharge, readExit, readProcess, runFiles, writeExit } from '../../../platform/sandbox/run-folder.ts';
import { createSandboxRunner } from '../../../platform/sandbox/runner.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'codebay-folder-'));
});
afterEach(() => rmSync(base, { recursive: true }));

const self = () => identifyProcess(process.pid) ?? NOBODY;

describe('the identity of a process', () => {
  test('is its own, and alive', () => {
    expect(self()).toMatchObject({ pid: process.pid, bootId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(isAlive(self())).toBe(true);
    expect(signalProcess(self(), 'SIGCONT')).toBe(true);
  });

  test.each([
    ['another boot', { bootId: '00000000-0000-0000-0000-000000000000' }],
    ['another start', { startTime: '1' }],
    ['a process that is not there', { pid: 2 ** 22 + 1 }],
  ])('with %s is nobody who can be signalled', (_name, change) => {
    const other = { ...self(), ...change };
    expect([isAlive(other), signalProcess(other, 'SIGCONT')]).toEqual([false, false]);
  });

  test('nobody is never alive', () => expect(isAlive(NOBODY)).toBe(false));
});

describe('a run folder', () => {
  test('has one process in charge, for ever', async () => {
    expect(await readProcess(base)).toBeNull();
    expect(await Promise.all([putInCharge(base, self()), putInCharge(base, { ...self(), startTime: '1' })])).toContain(false);
    const holder = await readProcess(base);
    expect(holder !== null && (await putInCharge(base, holder))).toBe(true);
    expect(await putInCharge(base, NOBODY)).toBe(false);
    expect(await readProcess(base)).toEqual(holder);
  });

  test('keeps the first exit, for its owner alone, and no half-written files', async () => {
    expect(await readExit(base)).toBeNull();
    await writeExit(base, { exitCode: 3, cause: 'finished', detail: '' });
    await writeExit(base, { exitCode: null, cause: 'stopped', detail: 'later' });
    expect(await readExit(base)).toEqual({ exitCode: 3, cause: 'finished', detail: '' });
    expect(statSync(runFiles(base).exit).mode & 0o777).toBe(0o600);
    expect(readdirSync(base)).toEqual(['exit.json']);
  });

  test('does not take an exit that says something else', async () => {
    writeFileSync(runFiles(base).exit, '{"exitCode":0,"cause":"fine","detail":""}');
    await expect(readExit(base)).rejects.toThrow();
  });
});

describe('a run as the runner sees it', () => {
  const createRunner = () => createSandboxRunner({ runsDir: base, installDir: '/', isolation: 'none', node: '/' });

  test('of this boot, with its sidecar alive, is running; of another boot it is lost', async () => {
    const runId = 'boot-a1';
    const path = join(base, runId);
    const runner = createRunner();
    mkdirSync(path);
    expect(await runner.observe(runId)).toEqual({ state: 'absent' });
    writeFileSync(runFiles(path).process, JSON.stringify(self()));
    expect(await runner.observe(runId)).toEqual({ state: 'running' });
    writeFileSync(runFiles(path).process, JSON.stringify({ ...self(), bootId: '00000000-0000-0000-0000-000000000000' }));
    expect(await runner.observe(runId)).toMatchObject({ state: 'exited', exit: { cause: 'lost' } });
  });

  test('has a name of its own, never a path', async () => {
    for (const name of ['..', '../x', '/etc', 'a/b', '']) await expect(createRunner().observe(name)).rejects.toThrow('Not a run id');
  });
});

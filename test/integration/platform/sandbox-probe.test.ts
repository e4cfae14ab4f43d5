import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { probeIsolation } from '../../../platform/sandbox/probe.ts';
import { createSandboxRunner } from '../../../platform/sandbox/runner.ts';
import { IsolationUnavailableError } from '../../../tasks/ports/runner.ts';
import { createSandboxRun, INSTALL, NODE, sandboxOrder } from '../../support/sandbox-run.ts';

const isRoot = process.geteuid?.() === 0;
const base = mkdtempSync('/tmp/cp-');
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** As much of an installation as a run reads. */
const makeInstall = (name: string): string => {
  const install = join(base, name);
  for (const folder of ['agent', 'tasks']) cpSync(join(INSTALL, folder), join(install, folder), { recursive: true });
  mkdirSync(join(install, 'node_modules/zod'), { recursive: true });
  for (const file of ['package.json', 'node_modules/zod/package.json']) writeFileSync(join(install, file), '{}');
  return install;
};
const shown = (install: string, readable: readonly string[] = []) => ({ shown: { install, node: NODE, readable } });

test('a sound installation is shown to runs, whatever folder it stands in', async () => {
  const install = makeInstall('sound');
  expect(await probeIsolation(shown(install))).toMatchObject({ ok: true });
  expect(await probeIsolation(shown(INSTALL))).toMatchObject({ ok: true });
});

(isRoot ? test : test.skip)('an installation that only root can read is told, with what mends it', async () => {
  const install = makeInstall('closed');
  chmodSync(join(install, 'agent/forwarder.ts'), 0o600);
  expect(await probeIsolation(shown(install))).toMatchObject({
    ok: false,
    problem: expect.stringContaining(join(install, 'agent/forwarder.ts')),
    remedy: expect.stringContaining(`chmod -R a+rX ${install}`),
  });
  chmodSync(join(install, 'agent/forwarder.ts'), 0o644);
  chmodSync(join(install, 'tasks'), 0o700);
  expect(await probeIsolation(shown(install))).toMatchObject({ ok: false, problem: expect.stringContaining('tasks/run-protocol.ts') });
});

test('a folder for runs that is not there is told', async () => {
  const missing = join(base, 'missing');
  const probe = await probeIsolation(shown(makeInstall('with-missing'), [missing]));
  expect(probe).toMatchObject({
    ok: false,
    problem: expect.stringContaining(missing),
    remedy: expect.stringContaining('CODEBAY_RUN_READABLE'),
  });
});

test('without bubblewrap a run is refused with a sentence, and leaves nothing', async () => {
  const runsDir = join(base, 'runs-without');
  const options = { runsDir, installDir: INSTALL, isolation: 'bubblewrap', node: NODE } as const;
  const runner = createSandboxRunner({ ...options, probe: () => probeIsolation({ searchPath: base }) });
  const refused = runner.start(sandboxOrder('refused-a1'));
  await expect(refused).rejects.toThrow(IsolationUnavailableError);
  await expect(refused).rejects.toThrow('bubblewrap is not installed. Install bubblewrap 0.8');
  expect(existsSync(runsDir)).toBe(false);
});

describe('CODEBAY_RUN_READABLE', () => {
  test.each([
    '/',
    'relative',
    '/etc',
    '/etc/ssl',
    '/root',
    '/proc/self',
    '/opt/codebay',
    '/usr/local',
    '/tmp/x',
    '/opt/../etc',
    '/run/user',
  ])('refuses %s', async (path) => {
    const options = { runsDir: join(base, 'runs-reserved'), installDir: INSTALL, isolation: 'bubblewrap', node: NODE } as const;
    const runner = createSandboxRunner({ ...options, readable: [path] });
    await expect(runner.start(sandboxOrder('reserved-a1'))).rejects.toThrow(`CODEBAY_RUN_READABLE: ${path} can't be shown`);
  });

  test('shows a folder read-only, and none that is not named', async () => {
    const probe = await probeIsolation();
    if (!probe.ok) throw new Error(probe.problem);
    const home = mkdtempSync(join(isRoot ? '/var/lib' : homedir(), 'codebay-test-'));
    try {
      chmodSync(home, 0o755);
      for (const name of ['tools', 'other']) {
        mkdirSync(join(home, name));
        writeFileSync(join(home, name, 'file'), name);
      }
      symlinkSync('../other', join(home, 'tools/link'));
      const script = `cat ${home}/tools/file; cat ${home}/tools/link/file ${home}/other/file; touch ${home}/tools/new; ls ${home}`;
      for (const [readable, output] of [
        [[join(home, 'tools')], 'toolstools\n'],
        [[], ''],
      ] as const) {
        const run = await createSandboxRun(join(base, 'runs'), 'readable-a1', probe.mode, {}, readable);
        let printed = '';
        await run.compartment.run({
          argv: ['sh', '-c', script],
          cwd: '/app/code',
          timeoutMs: 10_000,
          signal: new AbortController().signal,
          onStdout: (chunk) => {
            printed += chunk;
          },
          onStderr: () => undefined,
        });
        await run.remove();
        expect(printed).toBe(output);
        expect(existsSync(join(home, 'tools/new'))).toBe(false);
      }
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});

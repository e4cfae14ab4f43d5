import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { isAlive } from '../../../platform/sandbox/process-identity.ts';
import { readConfinement, readProcess } from '../../../platform/sandbox/run-folder.ts';
import { createSandboxRunner } from '../../../platform/sandbox/runner.ts';
import type { Runner } from '../../../tasks/ports/runner.ts';
import { processesWith } from '../../support/sandbox-client.ts';
import { INSTALL, NODE, sandboxOrder } from '../../support/sandbox-run.ts';

const base = mkdtempSync('/tmp/cr-');
const runsDir = join(base, 'runs');
const word = `canary${process.pid}r`;
let runner: Runner;

/** A sidecar that runs one long program; `ends` lets it write its exit at once, as a finished run does. */
const sidecar = (ends: boolean): string => {
  const file = join(base, `sidecar-${ends}.ts`);
  const from = (name: string) => JSON.stringify(join(INSTALL, 'platform/sandbox', name));
  writeFileSync(
    file,
    `import { openRunFolder } from ${from('run-folder.ts')};
     import { createCompartment } from ${from('compartment.ts')};
     const folder = await openRunFolder(process.argv[2]);
     if (${ends}) await folder.writeExit({ exitCode: 0, cause: 'finished', detail: '' });
     else await createCompartment(folder).run({
       argv: ['sh', '-c', 'mkdir -p a/b && chmod 0 a; cat /dev/zero >/dev/null', '${word}'], cwd: '/app/code', timeoutMs: 60000, signal: new AbortController().signal });`,
  );
  return file;
};

const runnerWith = (ends: boolean): Runner =>
  createSandboxRunner({ runsDir, installDir: INSTALL, isolation: 'bubblewrap', node: NODE, sidecar: sidecar(ends) });

const untilRunning = async (): Promise<void> => {
  while (processesWith(word).length === 0) await turn();
};

beforeAll(() => {
  mkdirSync(runsDir);
  runner = runnerWith(false);
});
afterEach(async () => {
  for (const id of await runner.list()) await runner.remove(id);
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

test('of two workers that start a run at once, one starts its sidecar', async () => {
  const order = sandboxOrder('race-a1');
  await Promise.all([runner.start(order), runnerWith(false).start(order)]);
  await untilRunning();
  expect(await runner.observe('race-a1')).toEqual({ state: 'running' });
  const inCharge = [(await readProcess(join(runsDir, 'race-a1')))?.pid];
  const sidecars = () => processesWith(join(runsDir, 'race-a1'));
  // The one that was too late has been killed, and is not gone at once.
  while (sidecars().length > 1) await turn();
  expect(sidecars()).toEqual(inCharge);
  await runner.start(order);
  expect(sidecars()).toEqual(inCharge);
});

test('the identity stands in a file of its own that only its owner reads, and on no command line', async () => {
  const order = sandboxOrder('ident-a1');
  await runner.start(order);
  expect(statSync(join(runsDir, 'ident-a1/identity')).mode & 0o777).toBe(0o600);
  expect(statSync(join(runsDir, 'ident-a1')).mode & 0o777).toBe(0o700);
  expect(processesWith(order.identity)).toEqual([]);
});

test('a run that ended says how, to any worker', async () => {
  const ending = runnerWith(true);
  await ending.start(sandboxOrder('ended-a1'));
  while ((await ending.observe('ended-a1')).state === 'running') await turn();
  expect(await runner.observe('ended-a1')).toEqual({ state: 'exited', exit: { exitCode: 0, cause: 'finished', detail: '' } });
});

test('a killed sidecar is a lost run, whose programs are gone', async () => {
  await runner.start(sandboxOrder('lost-a1'));
  await untilRunning();
  const identity = await readProcess(join(runsDir, 'lost-a1'));
  process.kill(identity?.pid ?? 0, 'SIGKILL');
  while (processesWith(word).length > 0) await turn();
  // A process that is ending loses its command line before it is dead.
  expect(await runner.observe('lost-a1', { waitMs: 10_000 })).toMatchObject({ state: 'exited', exit: { cause: 'lost' } });
});

test('stop ends the whole tree, and a run that was never begun can not begin any more', async () => {
  await runner.start(sandboxOrder('stop-a1'));
  await untilRunning();
  const identity = await readProcess(join(runsDir, 'stop-a1'));
  await runner.stop('stop-a1', 1000);
  expect(processesWith(word)).toEqual([]);
  expect(identity !== null && isAlive(identity)).toBe(false);
  expect(await runner.observe('stop-a1')).toMatchObject({ state: 'exited', exit: { cause: 'stopped' } });
  await runner.start(sandboxOrder('stop-a1'));
  expect(await runner.observe('stop-a1')).toMatchObject({ state: 'exited', exit: { cause: 'stopped' } });
});

test('remove leaves nothing, also of closed folders', async () => {
  await runner.start(sandboxOrder('gone-a1'));
  await untilRunning();
  const confinement = await readConfinement(join(runsDir, 'gone-a1'));
  await runner.remove('gone-a1');
  await runner.remove('gone-a1');
  expect(await runner.observe('gone-a1')).toEqual({ state: 'absent' });
  expect(processesWith(word)).toEqual([]);
  expect(readdirSync(runsDir)).toEqual([]);
  const left = [confinement?.sockets, confinement?.cgroups.memory, confinement?.cgroups.pids].filter((path) => path && existsSync(path));
  expect(left).toEqual([]);
});

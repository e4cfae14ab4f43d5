import { pbkdf2 } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createCompartment } from '../../../platform/sandbox/compartment.ts';
import { measureFolders } from '../../../platform/sandbox/disk-watch.ts';
import { probeIsolation } from '../../../platform/sandbox/probe.ts';
import { type CompartmentCommand, CompartmentUnavailableError } from '../../../tasks/ports/compartment.ts';
import { CONTRACT_DISK_BYTES, compartmentContract, shellCommand } from '../../support/compartment-contract.ts';
import { createSandboxRun, sandboxOrder } from '../../support/sandbox-run.ts';

const base = mkdtempSync('/tmp/cc-');
let run: Awaited<ReturnType<typeof createSandboxRun>>;

beforeAll(async () => {
  const probe = await probeIsolation();
  if (!probe.ok) throw new Error(probe.problem);
  run = await createSandboxRun(join(base, 'runs'), 'streams-a1', probe.mode, { diskBytes: CONTRACT_DISK_BYTES });
});
afterAll(async () => {
  await run.compartment.destroy();
  await run.remove();
  rmSync(base, { recursive: true, force: true });
});

const command = (script: string, rest?: Partial<CompartmentCommand>) => shellCommand(run.compartment, script, rest);

compartmentContract(() => run.compartment);

test('a program that fills the disk in many files is ended, as full', async () => {
  const script = 'i=0; while :; do head -c 4000000 /dev/zero >"/tmp/$i" || exit 9; i=$((i+1)); done';
  expect(await run.compartment.run(command(script))).toEqual({ exitCode: null, cause: 'disk_full' });
  expect(await measureFolders([join(run.path, 'tmp')])).toBeGreaterThan(CONTRACT_DISK_BYTES);
  await run.compartment.run(command('rm -rf /tmp/*'));
});

test('where the sandbox can not be made, the error says so by its type', async () => {
  const { path, confinement } = run;
  const lost = createCompartment({ path, order: sandboxOrder('streams-a1'), confinement: { ...confinement, install: join(base, 'gone') } });
  await expect(lost.run(command('true'))).rejects.toThrow(CompartmentUnavailableError);
});

test.each([
  ['isolated', () => run.confinement.mode],
  ['not isolated', () => 'none' as const],
])('a quick program (%s) is seen to end while the process has its hands full', async (name, mode) => {
  const quick = await createSandboxRun(join(base, 'runs'), `quick-${name.length}-a1`, mode());
  // All of libuv's threads, all the time: closing a descriptor takes longer than the program lives.
  let busy = true;
  const threads = Array.from({ length: 32 }, async () => {
    while (busy) await promisify(pbkdf2)('a', 'b', 20_000, 64, 'sha512');
  });
  try {
    const cwd = quick.compartment.paths.code;
    expect(await quick.compartment.run({ ...command('exit 3', { timeoutMs: 20_000 }), cwd })).toEqual({ exitCode: 3, cause: 'finished' });
  } finally {
    busy = false;
    await Promise.all(threads);
    await quick.compartment.destroy();
    await quick.remove();
  }
});

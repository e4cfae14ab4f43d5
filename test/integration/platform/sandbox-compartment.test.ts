import { pbkdf2 } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createCompartment } from '../../../platform/sandbox/compartment.ts';
import { measureFolders } from '../../../platform/sandbox/disk-watch.ts';
import { probeIsolation } from '../../../platform/sandbox/probe.ts';
import { type CompartmentCommand, CompartmentUnavailableError } from '../../../tasks/ports/compartment.ts';
import { createSandboxRun, sandboxOrder } from '../../support/sandbox-run.ts';

const MiB = 1024 * 1024;
const base = mkdtempSync('/tmp/cc-');
let run: Awaited<ReturnType<typeof createSandboxRun>>;

beforeAll(async () => {
  const probe = await probeIsolation();
  if (!probe.ok) throw new Error(probe.problem);
  run = await createSandboxRun(join(base, 'runs'), 'streams-a1', probe.mode, { diskBytes: 64 * MiB });
});
afterAll(async () => {
  await run.compartment.destroy();
  await run.remove();
  rmSync(base, { recursive: true, force: true });
});

const command = (script: string, rest: Partial<CompartmentCommand> = {}): CompartmentCommand => ({
  argv: ['sh', '-c', script],
  cwd: run.compartment.paths.code,
  timeoutMs: 30_000,
  signal: new AbortController().signal,
  ...rest,
});

/** A source that never holds more than a piece. */
const zeros = (totalBytes: number): Readable =>
  Readable.from(
    (function* () {
      for (let left = totalBytes; left > 0; left -= MiB) yield Buffer.alloc(Math.min(left, MiB));
    })(),
  );

test('100 MB of input arrive whole, and never stand in memory', async () => {
  let counted = '';
  const before = process.memoryUsage().rss;
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 5);
  const exit = await run.compartment.run(
    command('wc -c', {
      stdin: zeros(100 * MiB),
      onStdout: (chunk) => {
        counted += chunk;
      },
    }),
  );
  clearInterval(watch);
  expect(exit).toEqual({ exitCode: 0, cause: 'finished' });
  expect(Number(counted)).toBe(100 * MiB);
  expect(peak - before).toBeLessThan(60 * MiB);
});

test('a program that closes its input early still ends by itself', async () => {
  expect(await run.compartment.run(command('head -c 10 >/dev/null; exit 4', { stdin: zeros(20 * MiB) }))).toEqual({
    exitCode: 4,
    cause: 'finished',
  });
});

test('a sink that takes its time holds the program back', async () => {
  const first = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  let received = 0;
  let held = true;
  let receivedWhileHeld = 0;
  const ended = run.compartment.run(
    command('head -c 20971520 /dev/zero; : >written-all', {
      onStdout: async (chunk) => {
        received += chunk.length;
        if (held) receivedWhileHeld += chunk.length;
        first.resolve();
        await release.promise;
      },
    }),
  );
  await first.promise;
  // Another program of the same run lives its whole life meanwhile: the held one can't have gone on.
  const meanwhile = await run.compartment.run(command('[ ! -e written-all ]'));
  held = false;
  release.resolve();
  expect(meanwhile).toEqual({ exitCode: 0, cause: 'finished' });
  expect(await ended).toEqual({ exitCode: 0, cause: 'finished' });
  expect(received).toBe(20 * MiB);
  expect(receivedWhileHeld).toBeLessThan(MiB);
});

test('the two streams are kept apart where both are wanted, and in order where they are not', async () => {
  const script = 'echo one; echo two >&2; echo three; echo four >/dev/stderr';
  const out: string[] = [];
  const err: string[] = [];
  await run.compartment.run(
    command(script, { onStdout: (chunk) => void out.push(String(chunk)), onStderr: (chunk) => void err.push(String(chunk)) }),
  );
  expect([out.join(''), err.join('')]).toEqual(['one\nthree\n', 'two\nfour\n']);
  const both: string[] = [];
  await run.compartment.run(command(script, { onStdout: (chunk) => void both.push(String(chunk)) }));
  expect(both.join('')).toBe('one\ntwo\nthree\nfour\n');
});

test('a sink that throws ends the program, and its error is told', async () => {
  const broken = new Error('the sink is full');
  const ended = run.compartment.run(
    command('while :; do echo x; done', {
      onStdout: () => {
        throw broken;
      },
    }),
  );
  await expect(ended).rejects.toBe(broken);
});

test('a source that fails ends the program, and its error is told', async () => {
  const broken = new Error('the source is gone');
  const source = new Readable({ read: () => undefined });
  const started = run.compartment.run(command('echo up; cat >/dev/null', { stdin: source, onStdout: () => void source.destroy(broken) }));
  await expect(started).rejects.toBe(broken);
});

test('a program that fills the disk in many files is ended, as full', async () => {
  const script = 'i=0; while :; do head -c 4000000 /dev/zero >"/tmp/$i" || exit 9; i=$((i+1)); done';
  expect(await run.compartment.run(command(script))).toEqual({ exitCode: null, cause: 'disk_full' });
  expect(await measureFolders([join(run.path, 'tmp')])).toBeGreaterThan(64 * MiB);
  await run.compartment.run(command('rm -rf /tmp/*'));
});

test('one file can not be longer than the disk that the run has', async () => {
  const { exitCode } = await run.compartment.run(command('head -c 70000000 /dev/zero >/tmp/long; s=$?; rm /tmp/long; exit $s'));
  expect(exitCode).not.toBe(0);
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

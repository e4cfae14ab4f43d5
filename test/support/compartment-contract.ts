import { Readable } from 'node:stream';
import type { Compartment, CompartmentCommand } from '../../tasks/ports/compartment.ts';
import { processesWith } from './sandbox-client.ts';

const MiB = 1024 * 1024;

/** What one file may hold in the compartment under test. */
export const CONTRACT_DISK_BYTES = 64 * MiB;

/** A command that runs a shell script in the code. */
export const shellCommand = (compartment: Compartment, script: string, rest: Partial<CompartmentCommand> = {}): CompartmentCommand => ({
  argv: ['sh', '-c', script],
  cwd: compartment.paths.code,
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

/** A process that has left its parents and its group. Its command line holds `word`, and it holds all streams. */
const daemon = (word: string): string => `setsid sh -c 'sh -c "sleep 1000 & wait" ${word} & ' & `;

/** What every compartment promises, whoever isolates it. */
export const compartmentContract = (get: () => Compartment): void => {
  const command = (script: string, rest?: Partial<CompartmentCommand>) => shellCommand(get(), script, rest);
  const outputOf = async (script: string, rest: Partial<CompartmentCommand> = {}): Promise<string> => {
    let output = '';
    await get().run(
      command(script, {
        onStdout: (chunk) => {
          output += chunk;
        },
        ...rest,
      }),
    );
    return output;
  };

  test('100 MB of input arrive whole, and never stand in memory', async () => {
    let counted = '';
    const before = process.memoryUsage().rss;
    let peak = before;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss);
    }, 5);
    const exit = await get().run(
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
    expect(await get().run(command('head -c 10 >/dev/null; exit 4', { stdin: zeros(20 * MiB) }))).toEqual({
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
    const ended = get().run(
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
    const meanwhile = await get().run(command('[ ! -e written-all ]', { side: true }));
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
    await get().run(
      command(script, { onStdout: (chunk) => void out.push(String(chunk)), onStderr: (chunk) => void err.push(String(chunk)) }),
    );
    expect([out.join(''), err.join('')]).toEqual(['one\nthree\n', 'two\nfour\n']);
    expect(await outputOf(script)).toBe('one\ntwo\nthree\nfour\n');
  });

  test('a sink that throws ends the program, and its error is told', async () => {
    const broken = new Error('the sink is full');
    const ended = get().run(
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
    const started = get().run(command('echo up; cat >/dev/null', { stdin: source, onStdout: () => void source.destroy(broken) }));
    await expect(started).rejects.toBe(broken);
  });

  test('one file can not be longer than the disk that the run has', async () => {
    const { exitCode } = await get().run(
      command(`head -c ${CONTRACT_DISK_BYTES + 512} /dev/zero >$TMPDIR/long; s=$?; rm $TMPDIR/long; exit $s`),
    );
    expect(exitCode).not.toBe(0);
  });

  test('arguments, variables and folders arrive as the bytes they are', async () => {
    const odd = `'"\`$(echo no)\\\n\t*~ ü€\u{1F600}!-\x01'`;
    const cwd = `${get().paths.code}/${odd}`;
    await get().run(command('mkdir -p "$1"', { argv: ['mkdir', '-p', cwd] }));
    const output = await outputOf('', { argv: ['sh', '-c', 'printf "%s|" "$ODD" "$@"; pwd', odd, odd, ''], env: { ODD: odd }, cwd });
    expect(output).toBe(`${odd}|${odd}||${cwd}\n`);
  });

  test('a command finds nothing of the host in its environment, and no descriptor but three', async () => {
    const script = 'env | cut -d= -f1; for n in 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$n ] || echo "descriptor $n"; done';
    const lines = (await outputOf(script, { env: { GIVEN: 'x', SECOND: 'y' } })).trim().split('\n');
    const tolerated = ['PWD', 'GIT_CONFIG_COUNT', 'GIT_CONFIG_KEY_0', 'GIT_CONFIG_VALUE_0'];
    expect(lines.filter((line) => !tolerated.includes(line)).sort()).toEqual(['GIVEN', 'HOME', 'LANG', 'PATH', 'SECOND', 'TMPDIR']);
  });

  test('a program is started with no signal ignored or blocked', async () => {
    const output = await outputOf('exec grep -E "^Sig(Ign|Blk)" /proc/self/status');
    expect(output).toMatch(/^SigBlk:\t0{16}\nSigIgn:\t0{16}\n$/);
  });

  test('what was ended by a signal says so by its code', async () => {
    expect(await get().run(command('kill -TERM $$'))).toEqual({ exitCode: 143, cause: 'finished' });
  });

  test('a program that takes too long is ended with everything it started', async () => {
    const word = `late${process.pid}w`;
    const exit = await get().run(command(`${daemon(word)} sleep 1000`, { timeoutMs: 500 }));
    expect(exit).toEqual({ exitCode: null, cause: 'timed_out' });
    expect(processesWith(word)).toEqual([]);
  });

  test('an aborted program is ended with everything it started; one that is aborted before never starts', async () => {
    const word = `abort${process.pid}w`;
    const abort = new AbortController();
    const exit = get().run(command(`${daemon(word)} echo up; sleep 1000`, { signal: abort.signal, onStdout: () => abort.abort() }));
    expect(await exit).toEqual({ exitCode: null, cause: 'aborted' });
    expect(processesWith(word)).toEqual([]);
    expect(await get().run(command(': >started', { signal: abort.signal }))).toEqual({ exitCode: null, cause: 'aborted' });
    expect(await get().run(command('[ -e started ]'))).toEqual({ exitCode: 1, cause: 'finished' });
  });

  test('what a program left running is gone when its end is told', async () => {
    const word = `left${process.pid}w`;
    expect(await get().run(command(`${daemon(word)} exit 3`))).toEqual({ exitCode: 3, cause: 'finished' });
    expect(processesWith(word)).toEqual([]);
  });

  test('what a program left in shared memory is gone before the next one comes', async () => {
    const leave = 'echo left >/dev/shm/left; mkdir -p /dev/shm/.deep/er; ipcmk --shmem 4096 --semaphore 1 >/dev/null';
    const look = 'ls -A /dev/shm; tail -n +2 /proc/sysvipc/shm /proc/sysvipc/sem -q';
    expect(await outputOf(`${leave}; ${look}`)).toMatch(/^\.deep\nleft\n.*4096.*\n.+\n$/);
    expect(await outputOf(look)).toBe('');
  });

  test('output of a program that is gone is delivered, however slow the sink', async () => {
    let received = 0;
    const exit = await get().run(
      command('head -c 65536 /dev/zero', {
        onStdout: async (chunk) => {
          await new Promise((resolve) => setTimeout(resolve, 1500));
          received += chunk.length;
        },
      }),
    );
    expect(exit).toEqual({ exitCode: 0, cause: 'finished' });
    expect(received).toBe(65536);
  });
};

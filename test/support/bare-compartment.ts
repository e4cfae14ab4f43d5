import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isErrno } from '../../platform/sandbox/atomic-file.ts';
import type { Compartment } from '../../tasks/ports/compartment.ts';

/** A compartment that isolates nothing, for tests of what is done inside one: folders below `root`, commands as process groups. */
export const createBareCompartment = async (root: string): Promise<Compartment> => {
  const folder = (name: string) => join(root, name);
  const paths = {
    ...{ code: folder('code'), home: folder('home'), output: folder('output'), tmp: folder('tmp'), task: folder('task') },
    ...{ install: folder('install'), node: process.execPath, sockets: folder('sockets'), side: folder('side') },
  };
  for (const name of ['code', 'home', 'output', 'tmp', 'task', 'side']) await mkdir(folder(name), { recursive: true });
  return {
    paths,
    run: async ({ argv: [program, ...args], env, cwd, stdin, onStdout, onStderr, signal }) => {
      const child = spawn(program, args, { cwd, env: { PATH: process.env.PATH, HOME: paths.home, ...env }, detached: true });
      const kill = () => {
        try {
          if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
        } catch (error) {
          if (!isErrno(error, 'ESRCH')) throw error;
        }
      };
      signal.addEventListener('abort', kill, { once: true });
      const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
      const feed = stdin === undefined ? Promise.resolve(child.stdin.end()) : pipeline(stdin, child.stdin);
      const read = async (stream: AsyncIterable<Buffer>, sink = onStdout) => {
        for await (const chunk of stream) await sink?.(chunk);
      };
      const results = await Promise.allSettled([
        read(child.stdout),
        read(child.stderr, onStderr),
        feed.catch((error: unknown) => {
          // A program may close its input before the end of what it is given, as tar does behind the last member.
          if (isErrno(error, 'EPIPE', 'ECONNRESET')) return;
          kill();
          throw error;
        }),
      ]);
      const exitCode = await exited;
      signal.removeEventListener('abort', kill);
      for (const result of results) if (result.status === 'rejected') throw result.reason;
      return signal.aborted ? { exitCode: null, cause: 'aborted' } : { exitCode, cause: 'finished' };
    },
    destroy: async () => undefined,
  };
};

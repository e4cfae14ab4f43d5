import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { attendWithin } from '../../platform/program.ts';
import { isErrno } from '../../platform/sandbox/atomic-file.ts';
import type { Compartment } from '../../tasks/ports/compartment.ts';

/** A compartment that isolates nothing, for tests of what is done inside one: folders below `root`, commands as process groups. */
export const createBareCompartment = async (root: string): Promise<Compartment> => {
  const folder = (name: string) => join(root, name);
  const paths = {
    ...{ code: folder('code'), home: folder('home'), output: folder('output'), tmp: folder('tmp'), task: folder('task') },
    ...{ install: folder('install'), node: process.execPath, sockets: folder('sockets'), side: folder('side'), sideTmp: folder('tmp') },
  };
  for (const name of ['code', 'home', 'output', 'tmp', 'task', 'side']) await mkdir(folder(name), { recursive: true });
  return {
    paths,
    run: async (command) => {
      const [program, ...args] = command.argv;
      const child = spawn(program, args, {
        cwd: command.cwd,
        env: { PATH: process.env.PATH, HOME: paths.home, ...command.env },
        detached: true,
      });
      if (command.stdin === undefined) child.stdin.end();
      const both = command.onStderr === undefined ? command.onStdout : undefined;
      const launched = {
        ...{ stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, endsItsOutput: true },
        gone: new Promise<number | null>((resolve) => child.once('exit', resolve)),
        kill: () => {
          try {
            if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
          } catch (error) {
            if (!isErrno(error, 'ESRCH')) throw error;
          }
        },
      };
      const bounds = { timeoutMs: command.timeoutMs, signals: [command.signal] };
      const { exitCode, endedBy } = await attendWithin(launched, { ...command, ...(both && { onStderr: both }) }, bounds);
      return { exitCode, cause: endedBy ?? 'finished' };
    },
    destroy: async () => undefined,
  };
};

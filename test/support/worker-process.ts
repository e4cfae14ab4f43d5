import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '../..');

/** `temporal/worker.ts` as a process of its own; resolves when it takes tasks. */
export const startWorker = async (folder: string, env: Readonly<Record<string, string>>) => {
  const child = spawn(process.execPath, [join(ROOT, 'temporal/worker.ts')], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, CODEBAY_DATA: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const died = exited.then((code) => Promise.reject(new Error(`the worker ended with ${code}: ${stderr}`)));
  died.catch(() => undefined);
  await Promise.race([once(createInterface(child.stdout), 'line'), died]);
  return {
    pid: child.pid,
    exited,
    signal: (signal: NodeJS.Signals) => child.kill(signal),
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
};

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const readySchema = z.object({ ready: z.literal(true), port: z.int() });
const PROGRAM = join(import.meta.dirname, '../../temporal/ingest.ts');

/** `temporal/ingest.ts` as a process of its own, with a Temporal that nobody listens for unless told otherwise. */
export const startIngestProcess = async (env: Readonly<Record<string, string>>) => {
  const child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', PROGRAM], {
    env: { CODEBAY_INGEST_PORT: '0', TEMPORAL_ADDRESS: '127.0.0.1:1', CODEBAY_MODELS: 'm1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit').then(([code, signal]) => ({ code: code as number | null, signal: signal as NodeJS.Signals | null }));
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const first = once(createInterface(child.stdout), 'line').then(([line]) => readySchema.parse(JSON.parse(String(line))));
  const died = exited.then(({ code }) => Promise.reject(new Error(`ingest ended with ${code}: ${stderr}`)));
  died.catch(() => undefined);
  const { port } = await Promise.race([first, died]);
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
    return { status: response.status, text: await response.text() };
  };
  return {
    ask,
    isReady: async () => (await ask('/readyz')).status === 200,
    /** The sum of a metric's lines whose name with labels begins so. */
    metric: async (name: string): Promise<number> =>
      (await ask('/metrics')).text
        .split('\n')
        .filter((line) => line.startsWith(name))
        .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0),
    stderr: () => stderr,
    end: async (signal: NodeJS.Signals) => {
      child.kill(signal);
      return exited;
    },
  };
};

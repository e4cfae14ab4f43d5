import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { openSqliteStore } from '../../platform/sqlite.ts';

const readySchema = z.object({ ready: z.literal(true), url: z.string(), port: z.int(), gateway_port: z.int() });
/** Of a process that opens one listener only. */
export const oneListenerSchema = z.object({
  ready: z.literal(true),
  url: z.string().nullable(),
  port: z.int().nullable(),
  gateway_port: z.int().nullable(),
});
const ROOT = join(import.meta.dirname, '../..');

/** A data folder as `codebay up` makes it, with one API key. */
export const createDataFolder = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'codebay-data-'));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'secret'), '7'.repeat(64), { mode: 0o600 });
  const stores = await openSqliteStore(join(folder, 'store.db'));
  const apiKey = await stores.apiKeys.create('ada');
  return {
    folder,
    apiKey,
    stores,
    remove: async () => {
      await stores.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** `api/server.ts` as a process of its own, on free ports, with a Temporal that nobody listens for. */
export const startApi = (folder: string, env: Readonly<Record<string, string>> = {}) => startApiProcess(folder, env, readySchema);

/** The same, whatever it says when it is ready. */
export const startApiProcess = async <T extends object>(folder: string, env: Readonly<Record<string, string>>, schema: z.ZodType<T>) => {
  const child = spawn(process.execPath, [join(ROOT, 'api/server.ts')], {
    env: { CODEBAY_DATA: folder, CODEBAY_PORT: '0', CODEBAY_GATEWAY_PORT: '0', TEMPORAL_ADDRESS: '127.0.0.1:1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const first = once(createInterface(child.stdout), 'line').then(([line]) => schema.parse(JSON.parse(String(line))));
  const died = exited.then((code) => Promise.reject(new Error(`the API ended with ${code}: ${stderr}`)));
  died.catch(() => undefined);
  const ready = await Promise.race([first, died]);
  const memory = async (field: 'VmRSS' | 'VmHWM'): Promise<number> => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
    return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
  };
  return {
    ...ready,
    pid: child.pid,
    memory,
    exited,
    stderr: () => stderr,
    signal: (signal: NodeJS.Signals) => child.kill(signal),
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
};

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { listen } from '../../api/listener.ts';
import type { Load } from './load.ts';

const REQUESTS = 4000;
const AT_ONCE = 32;

export interface Served {
  readonly requestsPerSecond: () => Promise<number>;
  /** Requests for each second of processor time of this process: what else the machine does matters less to it. */
  readonly requestsPerCpuSecond: () => Promise<number>;
  readonly close: () => void;
}

/** A listener on a port of its own, and what a load in another process gets out of it. */
export const serve = async (listener: RequestListener, load: ChildProcess, path: string, headers: Load['headers']): Promise<Served> => {
  const server = createServer(listener);
  const port = await listen(server, 0, '127.0.0.1');
  const requestsPerSecond = async (): Promise<number> => {
    load.send({ port, path, headers, requests: REQUESTS, atOnce: AT_ONCE } satisfies Load);
    const over = new AbortController();
    try {
      const failed = once(load, 'exit', { signal: over.signal }).then(() => Promise.reject(new Error('the load has failed')));
      const [message] = await Promise.race([once(load, 'message', { signal: over.signal }), failed]);
      return Number(message);
    } finally {
      over.abort();
    }
  };
  return {
    requestsPerSecond,
    requestsPerCpuSecond: async () => {
      const before = process.cpuUsage();
      await requestsPerSecond();
      const { user, system } = process.cpuUsage(before);
      return REQUESTS / ((user + system) / 1e6);
    },
    close: () => server.close(),
  };
};

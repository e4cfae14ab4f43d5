import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface HealthListenerDeps {
  readonly port: number;
  readonly host: string;
  /** In the text format of Prometheus. */
  readonly metrics: { render(): Promise<{ readonly contentType: string; readonly text: string }> };
  /** What keeps the process from its work now; empty where nothing does. */
  readonly failing: () => Promise<readonly string[]>;
  readonly log: { error(fields: object, message: string): void };
}

export interface HealthListener {
  readonly port: number;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

const json = (status: number, body: object): Answer => ({ status, contentType: 'application/json', text: JSON.stringify(body) });

const listening = (server: Server, port: number, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });

/** `/metrics`, `/livez` and `/readyz` of a process that has no other listener. */
export const listenForHealth = async ({ port, host, metrics, failing, log }: HealthListenerDeps): Promise<HealthListener> => {
  const answer = async (path: string | undefined): Promise<Answer> => {
    if (path === '/livez') return json(200, { status: 'live' });
    if (path === '/metrics') return { status: 200, ...(await metrics.render()) };
    if (path !== '/readyz') return json(404, { status: 'not found' });
    const broken = await failing();
    return broken.length === 0 ? json(200, { status: 'ready', failing: [] }) : json(503, { status: 'unavailable', failing: broken });
  };
  const server = createServer((request, response) => {
    answer(request.url).then(
      ({ status, contentType, text }) => response.writeHead(status, { 'content-type': contentType }).end(text),
      (error: unknown) => {
        log.error({ err: error }, 'a watcher could not be answered');
        response.writeHead(500).end();
      },
    );
  });
  return {
    port: await listening(server, port, host),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

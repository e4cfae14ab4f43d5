import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Listens and returns the port, which is a free one where 0 was asked for. */
export const listen = async (server: Server, port: number, hostname: string): Promise<number> => {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, hostname, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
};

const LOOK_EVERY_MS = 50;

/** Takes no more connections, lets requests under way come to their end for up to `graceMs`, then ends them. */
export const drain = async (server: Server, graceMs: number): Promise<void> => {
  // Connections that are kept alive become idle one by one, and Node looks for them only once.
  const idle = setInterval(() => server.closeIdleConnections(), LOOK_EVERY_MS);
  const late = setTimeout(() => server.closeAllConnections(), graceMs);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearInterval(idle);
  clearTimeout(late);
};

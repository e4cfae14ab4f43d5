import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A package mirror of the operator's own network: it says the same to everyone. */
export const startMirror = async (address: string, stack: AsyncDisposableStack) => {
  const says = `the mirror of ${process.pid} says hello`;
  const server = createServer((_, response) => response.end(says));
  await once(server.listen(0, address), 'listening');
  stack.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  return { address: `${address}:${(server.address() as AddressInfo).port}`, says };
};

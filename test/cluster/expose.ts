import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface ExposedPort extends AsyncDisposable {
  /** On the address that pods reach. */
  readonly port: number;
}

/** Lets pods reach a server that listens on this machine's loopback alone: what comes in at `hostAddress` goes to it. */
export const exposeToPods = async (hostAddress: string, loopbackPort: number, port = loopbackPort): Promise<ExposedPort> => {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    return socket;
  };
  const server = createServer({ allowHalfOpen: true }, (incoming) => {
    const outgoing = connect({ host: '127.0.0.1', port: loopbackPort, allowHalfOpen: true });
    for (const socket of [incoming, outgoing]) keep(socket);
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      from.pipe(to);
      // An end that breaks off breaks the other off too.
      from.on('error', () => to.destroy());
    }
  });
  server.listen(port, hostAddress);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * `lose-reply`: the server gets it and answers, the client never hears. `cut-before`: the server never gets it. `stall`: nothing comes
 * or goes any more, though the connection stands.
 */
export type TcpFault = 'lose-reply' | 'cut-before' | 'stall';

export interface TcpProxy {
  readonly port: number;
  /** Does this once, to the next piece sent to the server that matches, each byte taken for a character. */
  strike(fault: TcpFault, pattern: RegExp): void;
  /** From now on nothing comes or goes on the connections that stand, though they go on standing; new ones are sound. */
  freeze(): void;
  /** How often a fault has struck. */
  struck(): number;
  close(): Promise<void>;
}

/** A TCP proxy on loopback in front of a server, which breaks connections where a test wants it. */
export const startTcpProxy = async (target: { readonly host: string; readonly port: number }): Promise<TcpProxy> => {
  const sockets = new Set<Socket>();
  let armed: { readonly fault: TcpFault; readonly pattern: RegExp } | null = null;
  let struck = 0;

  const serve = (client: Socket): void => {
    const upstream = connect(target.port, target.host);
    let deaf = false;
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', cut);
      socket.on('close', () => {
        sockets.delete(socket);
        cut();
      });
    }
    client.on('data', (piece) => {
      if (armed?.pattern.test(piece.toString('latin1'))) {
        const { fault } = armed;
        armed = null;
        struck += 1;
        if (fault === 'cut-before') return cut();
        if (fault === 'stall') return void client.pause();
        deaf = true;
      }
      upstream.write(piece);
    });
    // Its answer says that it has been carried out.
    upstream.on('data', (piece) => (deaf ? cut() : client.write(piece)));
  };

  const server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    strike: (fault, pattern) => {
      armed = { fault, pattern };
    },
    freeze: () => {
      for (const socket of sockets) socket.removeAllListeners('data').pause();
    },
    struck: () => struck,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
};

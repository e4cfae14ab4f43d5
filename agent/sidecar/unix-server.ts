import { chmod } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export interface UnixServer {
  /** Ends every connection, tunnels too, and removes the socket. */
  close(): Promise<void>;
}

/** Serves on a unix socket that every user who sees its folder may connect to: folders, not modes, decide who that is. */
export const serveUnix = async (server: Server, path: string): Promise<UnixServer> => {
  // A connection closed for idleness in the moment it is used again would look like a dropped request.
  server.keepAliveTimeout = 0;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o666);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
};

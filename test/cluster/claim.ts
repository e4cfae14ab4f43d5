import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';

/** A cluster's name, held until it is disposed or this process is gone. */
export type Claim = AsyncDisposable;

/** Abstract: the kernel frees it when its holder ends, however it ends, so that it is never stale. */
const addressOf = (name: string): string => `\0${name}`;

/** Null where the name is held, be it by this process. */
export const tryClaim = async (name: string): Promise<Claim | null> => {
  const server = createServer((asking) => {
    // Who asks may be gone before it is told.
    asking.on('error', () => undefined).end(String(process.pid));
  });
  try {
    server.listen(addressOf(name));
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null;
    throw error;
  }
  server.unref();
  return {
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
};

/** The process that holds the name; null where none does. */
export const claimantOf = async (name: string): Promise<number | null> => {
  try {
    return Number(await text(connect(addressOf(name))));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return null;
    throw error;
  }
};

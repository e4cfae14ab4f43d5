import { Redis } from 'ioredis';

/** Resolves where Redis answers and takes the login, each within `patienceMs`; rejects otherwise. Keeps no connection. */
export const reachRedis = async (url: string, patienceMs: number): Promise<void> => {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: patienceMs,
    commandTimeout: patienceMs,
    retryStrategy: () => null,
  });
  // Told by what rejects.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.ping();
  } finally {
    client.disconnect();
  }
};

import { randomBytes } from 'node:crypto';
import { connectRedis, type RedisConnection } from '../../platform/redis/connection.ts';
import type { TestRedis } from '../servers/redis.ts';

/** Connections of several processes' worth under one fresh prefix, and a log of what they warn of. */
export const createConnections = (server: TestRedis) => {
  const prefix = `test-${randomBytes(6).toString('hex')}:`;
  const logged: string[] = [];
  const note = (level: string) => (fields: object, message: string) => logged.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const log = { info: note('info'), warn: note('warn') };
  const opened: RedisConnection[] = [];
  return {
    prefix,
    logged,
    log,
    /** Patient unless told, as a busy machine needs it. */
    connect: async (): Promise<RedisConnection> => {
      const connection = await connectRedis({ url: server.url, prefix, log, commandMs: 10_000 });
      opened.push(connection);
      return connection;
    },
    /** As if so much time had gone by for the keys of this prefix. */
    age: async (ms: number): Promise<void> => {
      for (const key of await server.admin.keys(`${prefix}*`)) {
        const leftMs = await server.admin.pttl(key);
        if (leftMs > ms) await server.admin.pexpire(key, leftMs - ms);
        else if (leftMs !== -1) await server.admin.del(key);
      }
    },
    close: () => {
      for (const connection of opened) connection.close();
    },
  };
};

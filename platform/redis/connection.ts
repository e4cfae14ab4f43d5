import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type Breaker, createBreaker, type RedisLog } from './breaker.ts';

const CONNECT_MS = 1000;
const DISCONNECT_MS = 200;
/** A connection whose other end has vanished without a word. */
const SILENT_MS = 5000;
/** A script that is refused in such a batch makes the client throw where nobody can catch it. */
const ALONE = ['eval', 'rlflxIncr', 'set', 'publish', 'ping'];
const RECONNECT_MS = { first: 50, last: 2000 };
/** How long a start waits for a Redis that is there. */
const READY_MS = 1000;

export interface RedisConnection {
  readonly client: Redis;
  readonly attempt: Breaker['attempt'];
  readonly prefix: string;
  readonly log: RedisLog;
  /** One more connection, for subscriptions; `close` ends it too. */
  duplicate(): Redis;
  close(): void;
}

/** Connects, and goes on without where Redis is away: it is asked again for as long as the process lives. */
export const connectRedis = async (options: {
  readonly url: string;
  /** Of every key and channel. */
  readonly prefix: string;
  readonly log: RedisLog;
  /** How long a command may take before Redis counts as away. */
  readonly commandMs: number;
}): Promise<RedisConnection> => {
  const connect = (): Redis =>
    new Redis(options.url, {
      keyPrefix: options.prefix,
      connectTimeout: CONNECT_MS,
      disconnectTimeout: DISCONNECT_MS,
      commandTimeout: options.commandMs,
      socketTimeout: SILENT_MS,
      // What can't be sent now is done without Redis, and nothing is sent twice.
      // What is read at the same time is asked for together: at many requests a second, writing costs more than all else.
      enableAutoPipelining: true,
      autoPipeliningIgnoredCommands: ALONE,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      autoResubscribe: false,
      retryStrategy: (times) => Math.min(RECONNECT_MS.first * 2 ** times, RECONNECT_MS.last),
    });
  const client = connect();
  const breaker = createBreaker({ ping: () => client.ping(), log: options.log, now: Date.now });
  client.on('error', breaker.open);
  client.on('ready', breaker.close);
  const connections = [client];

  const begun = new AbortController();
  const either = { signal: begun.signal };
  await Promise.race([once(client, 'ready', either), pause(READY_MS, undefined, either)]).catch(breaker.open);
  begun.abort();

  return {
    client,
    attempt: breaker.attempt,
    prefix: options.prefix,
    log: options.log,
    duplicate: () => {
      const more = connect();
      // The first connection tells of every outage.
      more.on('error', () => undefined);
      connections.push(more);
      return more;
    },
    close: () => {
      for (const connection of connections) connection.disconnect();
    },
  };
};

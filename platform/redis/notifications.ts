import { randomUUID } from 'node:crypto';
import type { ChangeNotifications } from '../store/change-feed.ts';
import type { RedisConnection } from './connection.ts';
import { reasonOf } from './outage.ts';

/** The store is polled this much less often than without: only what got lost waits for the poll. */
const POLL_MS = 500;

/** Tells every process of changed tasks over one channel; the own ones are known here without Redis. */
export const createRedisNotifications = ({ client, attempt, prefix, log, duplicate }: RedisConnection): ChangeNotifications => {
  const channel = `${prefix}changed-tasks`;
  const self = randomUUID();
  return {
    pollMs: POLL_MS,
    publish: (taskId) => {
      void attempt(
        () => client.publish(channel, `${self} ${taskId}`),
        () => 0,
      );
    },
    subscribe: (onChange) => {
      const connection = duplicate();
      let isWanted = true;
      connection.on('ready', async () => {
        try {
          await connection.subscribe(channel);
          // Whatever was told before has passed us by.
          if (isWanted) onChange(null);
        } catch (error) {
          log.warn({ reason: reasonOf(error) }, 'Redis lets us not subscribe; event streams wait for the poll of the store');
        }
      });
      connection.on('message', (_, message: string) => {
        const [from, taskId] = message.split(' ');
        if (isWanted && from !== self && taskId !== undefined) onChange(taskId);
      });
      return () => {
        isWanted = false;
        connection.disconnect();
      };
    },
  };
};

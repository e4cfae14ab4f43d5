import { randomUUID } from 'node:crypto';
import type { Notifier } from '../../tasks/ports/notifier.ts';
import { createProcessNotifier } from '../process/notifier.ts';
import type { RedisConnection } from './connection.ts';
import { reasonOf } from './outage.ts';

/** Over one channel to every process that listens. What is told here reaches this process without Redis. */
export const createRedisNotifier = ({ client, attempt, prefix, log, duplicate }: RedisConnection): Notifier => {
  const own = createProcessNotifier();
  const channel = `${prefix}news`;
  const self = randomUUID();
  let isSubscribed = false;

  const subscribe = (): void => {
    const connection = duplicate();
    connection.on('ready', () => {
      connection
        .subscribe(channel)
        .catch((error: unknown) => log.warn({ reason: reasonOf(error) }, 'Redis does not let us subscribe; event streams poll the store'));
    });
    connection.on('message', (_, message: string) => {
      const [from, taskId] = message.split(' ');
      if (from !== self && taskId !== undefined) own.notify(taskId);
    });
  };

  return {
    notify: (taskId) => {
      own.notify(taskId);
      void attempt(
        () => client.publish(channel, `${self} ${taskId}`),
        () => 0,
      );
    },
    listen: (taskId, wake, signal) => {
      // Processes that never listen need no second connection.
      if (!isSubscribed) subscribe();
      isSubscribed = true;
      own.listen(taskId, wake, signal);
    },
  };
};

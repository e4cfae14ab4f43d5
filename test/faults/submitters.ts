import { setTimeout as pause } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import type { CodebayClient } from '../../sdk/index.ts';
import { promptOf } from './counting-model.ts';
import { AGAIN_MS, persist } from './persist.ts';

/** Submits a task by HTTP until it is accepted, always with the same Idempotency-Key; returns its id. */
export const submitByHttp = async (client: CodebayClient, url: string, task: number): Promise<string> => {
  const request = { source: { type: 'git', url }, prompt: promptOf(task) } as const;
  return (await persist(() => client.submit(request, { idempotencyKey: `task-${task}` }))).id;
};

/** Sends tasks as messages, each until the broker has acknowledged it: some arrive more than once. */
export const createMessenger = async (kafka: Kafka, topic: string) => {
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  return {
    send: async (url: string, task: number): Promise<void> => {
      const value = JSON.stringify({ id: `message-${task}`, source: { type: 'git', url }, prompt: promptOf(task) });
      for (;;) {
        try {
          await producer.send({ topic, acks: -1, messages: [{ key: String(task), value }] });
          return;
        } catch {
          await pause(AGAIN_MS);
        }
      }
    },
    close: () => producer.disconnect(),
  };
};

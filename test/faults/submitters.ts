import { setTimeout as pause } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { type CodebayClient, CodebayError } from '../../sdk/index.ts';
import { promptOf } from './counting-model.ts';

const AGAIN_MS = 200;

/** What a patient client does: asks again for as long as the answer says that it may. */
const persist = async <T>(attempt: () => Promise<T>): Promise<T> => {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof CodebayError) || !error.problem.retryable) throw error;
    }
    await pause(AGAIN_MS);
  }
};

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

import { createConnection, type RowDataPacket } from 'mysql2/promise';
import type { KafkaServer } from '../servers/kafka.ts';

/** One query on a connection of its own: what a server that was killed in between can't confuse. */
export const query = async <T extends object>(url: string, sql: string): Promise<T[]> => {
  const connection = await createConnection(url);
  try {
    const [rows] = await connection.query<(T & RowDataPacket)[]>(sql);
    return rows;
  } finally {
    await connection.end();
  }
};

/** Every message that a topic holds now, as it stands there. */
export const readTopic = async (kafka: KafkaServer, topic: string): Promise<readonly unknown[]> => {
  const admin = kafka.client.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  let missing = ends.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
  const values: unknown[] = [];
  if (missing === 0) return values;
  const consumer = kafka.client.consumer({ groupId: kafka.freshName('reader') });
  const done = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      values.push(JSON.parse(String(message.value)));
      missing -= 1;
      if (missing === 0) done.resolve();
    },
  });
  await done.promise;
  await consumer.disconnect();
  return values;
};

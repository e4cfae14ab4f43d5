import { Kafka, logLevel } from 'kafkajs';
import { type KafkaLog, kafkaLogCreator } from './log.ts';

export interface KafkaOptions {
  /** `host:port`, one or more. */
  readonly brokers: readonly string[];
  /** What the brokers' logs and quotas know this process by. */
  readonly clientId: string;
  readonly log: KafkaLog;
}

/** A client whose calls end: a broker that doesn't answer is given up after seconds, and what must last longer asks again. */
export const createKafka = ({ brokers, clientId, log }: KafkaOptions): Kafka =>
  new Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: 2_000,
    requestTimeout: 10_000,
    retry: { initialRetryTime: 100, multiplier: 2, maxRetryTime: 1_000, retries: 6 },
    // Debug would write requests out, with what they carry.
    logLevel: logLevel.INFO,
    logCreator: kafkaLogCreator(log),
  });

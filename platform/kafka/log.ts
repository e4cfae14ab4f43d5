import { type logCreator, logLevel } from 'kafkajs';

/** The part of pino that Kafka's adapters use. */
export interface KafkaLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Fields that say where; the others repeat the message, or hold stacks. */
const KEPT = ['broker', 'groupId', 'topic', 'partition', 'error', 'retryCount'] as const;

const kept = (log: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(KEPT.flatMap((name) => (log[name] === undefined ? [] : [[name, String(log[name])]])));

/**
 * kafkajs calls an error what it mends by itself a moment later (a coordinator that isn't there yet, a rebalance, a closed connection),
 * so its words weigh one level less here; what it can't mend reaches our own code as an exception, and is logged there.
 */
export const kafkaLogCreator =
  (log: KafkaLog): logCreator =>
  () =>
  ({ namespace, level, log: entry }) => {
    const fields = { kafka: namespace, ...kept(entry) };
    if (level === logLevel.ERROR) log.warn(fields, entry.message);
    else log.debug(fields, entry.message);
  };

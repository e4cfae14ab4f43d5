import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { TaskFeed } from '../../tasks/ports/task-feed.ts';
import type { IntakeDeps } from './intake.ts';

export interface IngestMetrics {
  readonly counters: IntakeDeps['counters'];
  /** In the text format of Prometheus. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** One registry per process. The lag is asked for when the metrics are. */
export const createIngestMetrics = (feed: Pick<TaskFeed, 'lag' | 'isJoined'>): IngestMetrics => {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const messages = new Counter({
    name: 'codebay_ingest_messages_total',
    help: 'Messages that came to their end: a new task, one that exists, a dead letter.',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of ['accepted', 'duplicate', 'dead_lettered']) messages.inc({ outcome }, 0);
  const deadLetters = new Counter({
    name: 'codebay_ingest_dead_letters_total',
    help: 'Messages that can never become a task, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const postponed = new Counter({
    name: 'codebay_ingest_postponed_total',
    help: 'Messages that could not be taken for now; their partition pauses.',
    registers,
  });
  new Gauge({
    name: 'codebay_ingest_joined',
    help: '1 while this process is a member of the consumer group.',
    registers,
    collect() {
      this.set(feed.isJoined() ? 1 : 0);
    },
  });
  new Gauge({
    name: 'codebay_ingest_lag',
    help: 'Messages behind the committed offset, by partition that this process holds.',
    labelNames: ['partition'],
    registers,
    async collect() {
      this.reset();
      for (const { partition, messages: count } of await feed.lag()) this.set({ partition }, count);
    },
  });
  return {
    counters: {
      accepted: () => messages.inc({ outcome: 'accepted' }),
      duplicate: () => messages.inc({ outcome: 'duplicate' }),
      deadLettered: (reason) => {
        messages.inc({ outcome: 'dead_lettered' });
        deadLetters.inc({ reason });
      },
      postponed: () => postponed.inc(),
    },
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
};

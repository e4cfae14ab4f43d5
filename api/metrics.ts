import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { TaskStore } from '../tasks/ports/task-store.ts';

export interface Metrics {
  observeRequest(request: { readonly method: string; readonly route: string; readonly status: number; readonly seconds: number }): void;
  submitted(): void;
  streamOpened(): void;
  streamClosed(): void;
  /** In the text format of Prometheus. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** More active tasks than this are shown as this. */
const COUNTED_TASKS = 1000;

/** One registry per process. Unfinished tasks are counted when the metrics are asked for. */
export const createMetrics = (tasks: TaskStore): Metrics => {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const durations = new Histogram({
    name: 'codebay_http_request_duration_seconds',
    help: 'Time to the head of the response, by route.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers,
  });
  const submissions = new Counter({ name: 'codebay_tasks_submitted_total', help: 'Tasks accepted by this process.', registers });
  const streams = new Gauge({ name: 'codebay_event_streams', help: 'Open event streams.', registers });
  new Gauge({
    name: 'codebay_active_tasks',
    help: `Unfinished tasks by status, at most ${COUNTED_TASKS} each.`,
    labelNames: ['status'],
    registers,
    async collect() {
      for (const status of ['QUEUED', 'PROCESSING'] as const) {
        const { tasks: active } = await tasks.list({ owner: null, status, limit: COUNTED_TASKS });
        this.set({ status }, active.length);
      }
    },
  });
  return {
    observeRequest: ({ method, route, status, seconds }) => durations.observe({ method, route, status }, seconds),
    submitted: () => submissions.inc(),
    streamOpened: () => streams.inc(),
    streamClosed: () => streams.dec(),
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
};

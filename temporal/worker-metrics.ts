import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** What a worker tells about itself, in the text format of Prometheus: its process, and whether it takes work. */
export const createWorkerMetrics = (isRunning: () => boolean) => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'codebay_worker_running',
    help: '1 while this process takes work from its task queue.',
    registers: [registry],
    collect() {
      this.set(isRunning() ? 1 : 0);
    },
  });
  return { render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }) };
};

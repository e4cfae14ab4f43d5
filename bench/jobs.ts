import { setTimeout as delay } from 'node:timers/promises';
import { connectCluster } from '../platform/kubernetes/connection.ts';
import { kubeConfigOf, startRunCluster } from '../test/support/run-cluster.ts';
import { countRequests } from './jobs/counted-connection.ts';
import { createSimulatedJobs } from './jobs/simulated-jobs.ts';
import { against, type Ratio } from './rounds.ts';

const JOBS = 200;
const WINDOW_MS = 10_000;
const MOST_WATCHES = 2;
const MOST_END_MS = 300;
/** As `watchRun` asks for its run. */
const WAIT_MS = 2_000;

const percentile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;

/**
 * 200 runs that end one after another within 10 s, on a real API server with simulated pods: requests of our runner against a client that
 * asks for each Job once a second, watches open at once, and how long after the API server took a pod's end the run's watcher knew.
 */
export const run = async (): Promise<readonly Ratio[]> => {
  await using runs = await startRunCluster();
  const namespace = await runs.makeNamespace();
  const simulated = createSimulatedJobs(runs.admin, namespace, 'test');
  const ids = Array.from({ length: JOBS }, (_, index) => `bench${index}-a1`);
  for (const runId of ids) await simulated.make(runId);

  const counted = countRequests(connectCluster(kubeConfigOf(runs.cluster.kubeconfig)));
  const runner = runs.runner(namespace, { cluster: counted.connection });
  const endedAt = new Map<string, number>();
  const latencies: number[] = [];
  const watched = ids.map(async (runId) => {
    for (;;) {
      if ((await runner.observe(runId, { waitMs: WAIT_MS })).state === 'running') continue;
      latencies.push(performance.now() - (endedAt.get(runId) ?? Number.NaN));
      return;
    }
  });
  for (const runId of ids) {
    await delay(WINDOW_MS / JOBS);
    endedAt.set(runId, performance.now());
    await simulated.end(runId);
  }
  await Promise.all(watched);
  const ours = counted.requests();
  runner.close();

  const polling = countRequests(connectCluster(kubeConfigOf(runs.cluster.kubeconfig)));
  const until = performance.now() + WINDOW_MS;
  await Promise.all(
    ids.map(async (runId) => {
      while (performance.now() < until) {
        await Promise.all([polling.connection.request('GET', `/apis/batch/v1/namespaces/${namespace}/jobs/${runId}`), delay(1_000)]);
      }
    }),
  );
  return [
    {
      name: 'jobs-requests',
      ratio: Number((ours / polling.requests()).toPrecision(4)),
      ours,
      bare: polling.requests(),
      unit: 'requests',
      rounds: 1,
      spread: 0,
    },
    against('jobs-watches', 'watches', MOST_WATCHES, [counted.mostWatches()]),
    against('jobs-end-p95', 'ms', MOST_END_MS, [percentile(latencies, 0.95)]),
  ];
};

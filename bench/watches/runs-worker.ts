import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { NativeConnection } from '@temporalio/worker';
import { createWatchRun } from '../../activities/watch-run.ts';
import { openSqliteStore } from '../../platform/sqlite.ts';
import { createWorkers } from '../../temporal/workers.ts';
import { fakeActivities } from '../../test/support/fake-activities.ts';
import { quietTemporal, testBundle } from '../../test/support/temporal.ts';

/** What the worker answers to any message. */
export interface WorkerFigures {
  readonly rssMb: number;
  readonly cpuSeconds: number;
  readonly watches: number;
  /** Reads of the store by the watches. */
  readonly reads: number;
}

const [address = '', storeFile = '', queue = '', runs = ''] = process.argv.slice(2);

quietTemporal();
const connection = await NativeConnection.connect({ address });
const stores = await openSqliteStore(storeFile);
let reads = 0;
let watches = 0;
const counted =
  <I, O>(read: (input: I) => Promise<O>) =>
  (input: I): Promise<O> => {
    reads += 1;
    return read(input);
  };
const watchRun = createWatchRun({
  runner: {
    observe: async (_, { waitMs = 0 } = {}) => {
      await pause(waitMs);
      return { state: 'running' };
    },
  },
  runs: { list: counted(stores.runs.list) },
  phases: { read: counted(stores.phases.read) },
  draining: new AbortController().signal,
});
const { activities } = fakeActivities({
  watchRun: async (input) => {
    watches += 1;
    return watchRun(input);
  },
});
const workers = await createWorkers({
  connection,
  namespace: 'default',
  queues: { steps: `${queue}-unused`, runs: queue },
  polls: 'runs',
  activities,
  workflowBundle: testBundle,
  maxSteps: 1,
  maxRuns: Number(runs),
  drainSeconds: 1,
});
process.on('message', () => {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  const { user, system } = process.cpuUsage();
  process.send?.({ rssMb: Number(kilobytes) / 1000, cpuSeconds: (user + system) / 1e6, watches, reads } satisfies WorkerFigures);
});
process.send?.('ready');
await Promise.all(workers.map((worker) => worker.run()));

import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createTemporalEngine } from '../temporal/engine.ts';
import { createWorkers } from '../temporal/workers.ts';
import { fakeActivities } from '../test/support/fake-activities.ts';
import { openStationData, spec } from '../test/support/station-data.ts';
import { startTemporal, testBundle } from '../test/support/temporal.ts';
import { until } from '../test/support/until.ts';
import { against, type Ratio } from './rounds.ts';
import type { WorkerFigures } from './watches/runs-worker.ts';

const RUNS = 1000;
const ALLOWED_MB = 100;
const WATCH_FOR_SECONDS = 20;
/** As often as watches of any number ask. */
const ALLOWED_READS_PER_SECOND = 10;
/** Of one core. */
const ALLOWED_CPU = 0.25;
const PROGRAM = fileURLToPath(new URL('./watches/runs-worker.ts', import.meta.url));

const figures = async (worker: ChildProcess): Promise<WorkerFigures> => {
  const answered = once(worker, 'message');
  worker.send('figures');
  return (await answered)[0];
};

/** 1,000 runs watched by one worker process: its memory, its reads of the store and its processor time, each beside what is allowed. */
export const run = async (): Promise<readonly Ratio[]> => {
  await using stack = new AsyncDisposableStack();
  const data = stack.use(await openStationData());
  const env = await startTemporal();
  stack.defer(() => env.teardown());
  const queues = { steps: randomUUID(), runs: randomUUID() };
  const worker = fork(PROGRAM, [env.address, join(data.folder, 'store.db'), queues.runs, String(RUNS)]);
  stack.defer(() => void worker.kill('SIGKILL'));
  await once(worker, 'message');

  const { activities } = fakeActivities({ claimSlot: async () => ({ granted: true, queue: queues.runs }) });
  const [steps] = await createWorkers({
    connection: env.nativeConnection,
    namespace: 'default',
    queues,
    polls: 'steps',
    activities,
    workflowBundle: testBundle,
    maxSteps: 50,
    maxRuns: 1,
    drainSeconds: 1,
  });
  const working = steps?.run();
  stack.defer(async () => {
    steps?.shutdown();
    await working;
  });

  const engine = createTemporalEngine({ client: env.client, taskQueue: queues.steps });
  const before = await figures(worker);
  for (let n = 0; n < RUNS; n += 1) {
    const id = randomUUID();
    await data.stores.tasks.insert({ id, owner: 'ada', spec });
    await data.stores.runs.open({ id: `${id}-a1`, taskId: id, kind: 'agent', epoch: 1 });
    await engine.start(id, { version: 1, spec, owner: 'ada' });
  }
  await until('all runs to be watched', async () => (await figures(worker)).watches >= RUNS, 180_000);
  const begun = await figures(worker);
  await pause(WATCH_FOR_SECONDS * 1000);
  const after = await figures(worker);
  return [
    against('watches-1000-memory', 'MB', ALLOWED_MB, [after.rssMb - before.rssMb]),
    against('watches-1000-reads', 'reads/s', ALLOWED_READS_PER_SECOND, [(after.reads - begun.reads) / WATCH_FOR_SECONDS]),
    against('watches-1000-cpu', 'cores', ALLOWED_CPU, [(after.cpuSeconds - begun.cpuSeconds) / WATCH_FOR_SECONDS]),
  ];
};

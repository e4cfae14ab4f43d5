import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import { fakeActivities } from '../test/support/fake-activities.ts';
import { startTemporal, testBundle } from '../test/support/temporal.ts';
import { compare, type Ratio } from './rounds.ts';

const TASKS = 60;
const AT_ONCE = 10;
const spec = { source: { type: 'git', url: 'https://example.com/a/b.git' }, prompt: 'Mend the failing test', mode: 'modify' } as const;
/** An ordinary task as test/histories has it: register, two phases, resolve, stage, run with its slot and phases, collect, finish. */
const STEPS = 'llrlrlllrrlrrlrr';

const workflowsPerSecond = async (start: (id: string) => Promise<unknown>): Promise<number> => {
  const waiting = Array.from({ length: TASKS }, () => randomUUID());
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) await start(id);
    }),
  );
  return TASKS / ((performance.now() - startedAt) / 1000);
};

/** `codeTask` with activities that do nothing against a bare workflow of the same activities and payloads: workflows a second. */
export const run = async (): Promise<readonly Ratio[]> => {
  const env = await startTemporal();
  try {
    const bareBundle = await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('./overhead/bare-workflow.ts', import.meta.url)),
      logger: new DefaultLogger('WARN'),
    });
    const nothing = async (input: unknown) => input;
    const [ours, bare] = await Promise.all([
      Worker.create({
        connection: env.nativeConnection,
        taskQueue: 'ours',
        workflowBundle: await testBundle(),
        activities: fakeActivities().activities,
      }),
      Worker.create({
        connection: env.nativeConnection,
        taskQueue: 'bare',
        workflowBundle: bareBundle,
        activities: { regular: nothing, local: nothing },
      }),
    ]);
    const { workflow } = env.client;
    const codeTask = (workflowId: string) => workflow.execute('codeTask', { workflowId, taskQueue: 'ours', args: [{ version: 1, spec }] });
    const bareTask = (workflowId: string) =>
      workflow.execute('bare', { workflowId, taskQueue: 'bare', args: [{ steps: STEPS, payload: spec }] });
    return await ours.runUntil(
      bare.runUntil(async () => {
        const rate = await compare({
          name: 'overhead',
          unit: 'workflows/s',
          ours: () => workflowsPerSecond(codeTask),
          bare: () => workflowsPerSecond(bareTask),
        });
        const [id, peer] = [randomUUID(), randomUUID()];
        await Promise.all([codeTask(id), bareTask(peer)]);
        const [history, peerHistory] = await Promise.all([id, peer].map((each) => workflow.getHandle(each).describe()));
        const single = (name: string, unit: string, mine = Number.NaN, theirs = Number.NaN): Ratio => ({
          name,
          ratio: mine / theirs,
          ours: mine,
          bare: theirs,
          unit,
          rounds: 1,
          spread: 0,
        });
        return [
          rate,
          single('overhead-history-events', 'events', history?.historyLength, peerHistory?.historyLength),
          single('overhead-history-size', 'bytes', history?.historySize, peerHistory?.historySize),
        ];
      }),
    );
  } finally {
    await env.teardown();
  }
};

import { openTaskBench, type TaskBench } from '../support/e2e-task.ts';
import type { ModelScript } from '../support/scripted-model.ts';
import { askTemporal, expectSettled } from '../support/settled.ts';
import { until } from '../support/until.ts';

/** Two turns for every task. The one whose prompt says so waits for its second until the test lets it go on. */
const createScript = () => {
  const patient = Promise.withResolvers<void>();
  const script: ModelScript = async ({ body, raw }) => {
    if (!body.messages.some(({ role }) => role === 'assistant')) {
      return { calls: [{ name: 'shell', arguments: { command: 'echo ran >> ran.txt' } }] };
    }
    if (raw.includes('patient')) await patient.promise;
    return { text: 'Done.' };
  };
  return { script, letGo: patient.resolve };
};

const { script, letGo } = createScript();
let bench: TaskBench;

beforeAll(async () => {
  bench = await openTaskBench(script);
}, 60_000);

afterAll(() => bench[Symbol.asyncDispose](), 60_000);

interface Accepted {
  readonly status: number;
  readonly id: string;
  readonly prompt: string;
}

/** By plain HTTP, to see the status code itself. */
const submit = async (prompt: string): Promise<Accepted> => {
  const response = await fetch(`${bench.station.url}/v1/tasks`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bench.station.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ source: { type: 'git', url: bench.repositoryUrl }, prompt }),
  });
  const { id } = (await response.json()) as { id: string };
  return { status: response.status, id, prompt };
};

const requestsOf = (prompt: string): number => bench.model.requests.filter(({ raw }) => raw.includes(prompt)).length;

/** How many executions, finished or not, Temporal knows under this workflow id. */
const executionsOf = (id: string): Promise<number> =>
  until('Temporal lists the workflow', () =>
    askTemporal(bench.station.temporalAddress, async ({ workflow }) => (await workflow.count(`WorkflowId = "${id}"`)).count),
  );

const expectCompletedOnce = async ({ id, prompt }: Accepted): Promise<void> => {
  const task = await bench.finished(id);
  expect(task).toMatchObject({ status: 'COMPLETED', runs: [{ epoch: 1, outcome: 'succeeded' }] });
  expect(task.runs).toHaveLength(1);
  expect(await executionsOf(id)).toBe(1);
  expect(requestsOf(prompt)).toBe(2);
};

const expectAllCompletedOnce = async (tasks: readonly Accepted[]): Promise<void> => {
  for (const task of tasks) await expectCompletedOnce(task);
  for (const { id } of tasks) await expectSettled(bench, id, 'COMPLETED');
};

const submitWhileAway = async (prompts: readonly string[]): Promise<Accepted[]> => {
  const tasks = await Promise.all(prompts.map(submit));
  expect(tasks.map(({ status }) => status)).toEqual(prompts.map(() => 202));
  expect(await Promise.all(tasks.map(async ({ id }) => (await bench.client.get(id)).status))).toEqual(prompts.map(() => 'QUEUED'));
  return tasks;
};

test('tasks that come while Temporal hangs are started once, though their starts may have arrived', async () => {
  expect(bench.station.kill('temporal', 'SIGSTOP')).toBe(true);
  const tasks = await submitWhileAway(['hang one', 'hang two', 'hang three']);
  expect(bench.station.kill('temporal', 'SIGCONT')).toBe(true);
  await expectAllCompletedOnce(tasks);
}, 90_000);

test('tasks that come while Temporal is dead are started once when it is back, and one that runs goes on', async () => {
  const running = await submit('patient');
  await until('the running task waits for its second turn', () => requestsOf('patient') === 2);
  // A stopped server answers nobody, and `up` doesn't notice until it is dead.
  expect(bench.station.kill('temporal', 'SIGSTOP')).toBe(true);
  const tasks = await submitWhileAway(['dead one', 'dead two']);
  expect(bench.station.kill('temporal', 'SIGKILL')).toBe(true);
  letGo();
  await expectAllCompletedOnce([running, ...tasks]);
}, 90_000);

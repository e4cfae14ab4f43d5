import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { probeIsolation } from '../../platform/sandbox/probe.ts';
import type { TaskRequest } from '../../sdk/index.ts';
import { FAILURES, type FailureReason } from '../../tasks/failure.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.ts';
import { openTaskBench, type TaskBench } from '../support/e2e-task.ts';
import { commitFiles, createBareRepository } from '../support/git-repos.ts';
import type { Answer, ModelScript } from '../support/scripted-model.ts';
import { until } from '../support/until.ts';

const KEY = 'sk-e2e-5d0c7a41f3b84e29';
const MEMORY_MB = 384;

const shell = (command: string): Answer => ({ calls: [{ name: 'shell', arguments: { command } }] });
/** Takes ever more memory and touches it; ends by itself where nothing bounds it. */
const HOG = `node -e 'const kept = []; for (let i = 0; i < ${MEMORY_MB / 8}; i++) kept.push(Buffer.alloc(2 ** 24, 1)); console.log("unbounded")'`;

interface Fault {
  readonly reason: FailureReason;
  /** After the first turn, which changes the code. */
  readonly answer: (turn: number) => Answer;
  readonly limits?: TaskRequest['limits'];
}

const error =
  (status: number, rest: object = {}): Fault['answer'] =>
  () => ({ kind: 'error', status, ...rest });

/** The row's name is the prompt of its task. */
const faults: Readonly<Record<string, Fault>> = {
  'a key that is refused': { reason: 'MODEL_AUTH', answer: error(401, { message: `Incorrect API key provided: ${KEY}` }) },
  'a rate limit for ever': { reason: 'MODEL_RATE_LIMITED', answer: error(429, { retryAfter: '1' }) },
  'a rate limit for an hour': { reason: 'MODEL_RATE_LIMITED', answer: error(429, { retryAfter: '3600' }) },
  'an endpoint that fails': { reason: 'MODEL_UNAVAILABLE', answer: error(500) },
  'a request that is refused': { reason: 'MODEL_REFUSED', answer: error(400, { message: 'this model has no tools' }) },
  'answers that are noise': { reason: 'MODEL_PROTOCOL', answer: () => ({ kind: 'raw', body: 'data: {"noise\n\n' }) },
  'a web page for an answer': {
    reason: 'MODEL_PROTOCOL',
    answer: () => ({ kind: 'raw', body: '<html>Welcome</html>', contentType: 'text/html' }),
  },
  silence: { reason: 'MODEL_TIMEOUT', answer: () => ({ kind: 'silence' }) },
  'silence after some words': { reason: 'MODEL_TIMEOUT', answer: () => ({ kind: 'silence', begin: true, text: 'Well' }) },
  'a budget of tokens': {
    reason: 'BUDGET_EXHAUSTED',
    limits: { tokens: 100_000 },
    answer: (turn) => ({ ...shell(`echo ${turn}`), usage: [60_000, 1_000] }),
  },
  'a limit of steps': { reason: 'STEP_LIMIT', limits: { steps: 3 }, answer: (turn) => shell(`echo ${turn}`) },
  'a limit of time': { reason: 'TIMED_OUT', limits: { time_seconds: 12 }, answer: () => shell('sleep 100') },
  'a step that repeats': { reason: 'AGENT_STUCK', answer: () => shell('echo again') },
};

const script: ModelScript = ({ body }) => {
  const turn = body.messages.filter(({ role }) => role === 'tool').length;
  const said = body.messages.flatMap(({ role, content }) => (role === 'user' && content ? [content] : []));
  if (turn === 0) return shell('echo kept > kept.txt');
  const fault = Object.entries(faults).find(([prompt]) => said.includes(prompt))?.[1];
  if (fault !== undefined) return fault.answer(turn);
  if (said.includes('a command that takes all memory') && turn === 1) return shell(HOG);
  return { text: `The last command: ${body.messages.findLast(({ role }) => role === 'tool')?.content}` };
};

let bench: TaskBench;
let temporal: Client;
const scope = new AsyncDisposableStack();

beforeAll(async () => {
  bench = scope.use(
    await openTaskBench(script, {
      env: {
        OPENAI_API_KEY: KEY,
        CODEBAY_MAX_RUNS: '4',
        CODEBAY_MODEL_RETRY_SECONDS: '5',
        CODEBAY_MODEL_TIMEOUT_SECONDS: '4',
        CODEBAY_RUN_MEMORY_MB: String(MEMORY_MB),
      },
    }),
  );
  const connection = scope.adopt(await Connection.connect({ address: bench.station.temporalAddress }), (it) => it.close());
  temporal = new Client({ connection });
}, 90_000);
afterAll(() => scope.disposeAsync());

/** Everything that a user can read of a task. */
const shownOf = async (id: string): Promise<string> => {
  const artifacts = await bench.client.artifacts(id);
  const contents = await Promise.all(artifacts.map(async ({ name }) => (await bench.client.artifact(id, name)).text()));
  return [JSON.stringify(await bench.client.get(id)), await bench.client.logs(id), ...contents].join('\n');
};

describe('a model that gives, after one good turn,', () => {
  test.concurrent.each(Object.entries(faults))(
    '%s',
    async (prompt, { reason, limits }) => {
      // Concurrent tests begin before `beforeAll` has ended.
      await until('the station is up', () => temporal !== undefined, 90_000);
      const { id } = await bench.submit({ prompt, ...(limits === undefined ? {} : { limits }) });
      const task = await bench.finished(id, 120_000);
      const { title, remedy, retryable } = FAILURES[reason];
      expect(task).toMatchObject({
        status: 'FAILED',
        failure: { reason, title, remedy, retryable, detail: expect.stringMatching(/\S/) },
        runs: [{ outcome: 'failed' }],
      });

      const handle = temporal.workflow.getHandle(id);
      const failure: unknown = await handle.result().catch((thrown: unknown) => thrown);
      expect(failure).toBeInstanceOf(WorkflowFailedError);
      expect(failure).toMatchObject({ cause: { type: reason } });
      const { status, typedSearchAttributes } = await handle.describe();
      expect(status.name).toBe('FAILED');
      expect(typedSearchAttributes.get(SEARCH_ATTRIBUTES.failure)).toBe(reason);

      expect(Buffer.from(await bench.client.diff(id)).toString()).toContain('+++ b/kept.txt\n@@ -0,0 +1 @@\n+kept\n');
      const shown = await shownOf(id);
      expect(shown).toContain(reason);
      expect(shown).not.toContain(KEY);
    },
    120_000,
  );
});

const boundsMemory = async (): Promise<boolean> => {
  const probe = await probeIsolation();
  return probe.ok && probe.memory !== 'none';
};

test('a command that takes all memory is killed alone, and the agent goes on', async () => {
  const { id } = await bench.submit({ prompt: 'a command that takes all memory' });
  expect(await bench.finished(id)).toMatchObject({ status: 'COMPLETED', failure: null });
  const told = await (await bench.client.artifact(id, 'explanation.md')).text();
  expect(told).toContain((await boundsMemory()) ? 'killed by SIGKILL' : 'unbounded');
}, 60_000);

test('a set-up script that takes all memory fails the task for that', async () => {
  const repository = createBareRepository(bench.folder, 'hog.git');
  commitFiles(repository, 'main', [{ path: 'setup.sh', content: `${HOG}\n`, mode: '100755' }]);
  const url = bench.repositoryUrl.replace('project.git', 'hog.git');
  const { id } = await bench.submit({ source: { type: 'git', url }, prompt: 'after set-up' });
  const expected = (await boundsMemory()) ? { status: 'FAILED', failure: { reason: 'OUT_OF_MEMORY' } } : { status: 'COMPLETED' };
  expect(await bench.finished(id)).toMatchObject(expected);
}, 60_000);

test('the station serves on, and none of its logs holds the key', async () => {
  const { id } = await bench.submit({ prompt: 'nothing special' });
  expect(await bench.finished(id)).toMatchObject({ status: 'COMPLETED' });
  const logs = join(bench.dataDir, 'logs');
  for (const name of readdirSync(logs)) expect(readFileSync(join(logs, name), 'utf8')).not.toContain(KEY);
}, 60_000);

import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { CodebayError, type TaskRequest } from '../../sdk/index.ts';
import type { TaskView } from '../../tasks/task-view.ts';
import { openTaskBench, type TaskBench } from '../support/e2e-task.ts';
import { processesOf } from '../support/footprint.ts';
import { commitFiles, createBareRepository } from '../support/git-repos.ts';
import type { Answer, ModelScript } from '../support/scripted-model.ts';
import { until } from '../support/until.ts';

/** What a cancelled task is promised. */
const CANCELLED_WITHIN_MS = 10_000;

const shell = (command: string): Answer => ({ calls: [{ name: 'shell', arguments: { command, timeout_seconds: 300 } }] });
const change = shell('echo changed > changed.txt');

/** By prompt, what the model answers after so many observations. */
const plots: Readonly<Record<string, readonly Answer[]>> = {
  'hang in a turn': [change, { kind: 'silence', begin: true, text: 'I am thinking' }],
  'hang in a command': [shell('echo changed > changed.txt; exec sleep 600')],
  finish: [change, { text: 'Done.' }],
};

const script: ModelScript = ({ body }) => {
  const observations = body.messages.filter(({ role }) => role === 'tool').length;
  const [, plot = []] =
    Object.entries(plots).find(([prompt]) => body.messages.some(({ role, content }) => role === 'user' && content === prompt)) ?? [];
  return plot[observations] ?? { text: 'There is nothing left to do.' };
};

let bench: TaskBench;
let temporal: Client;
/** Terminated at the beginning, since the reconciler only looks at tasks that have been silent for 30 s. Its run holds one of the two slots. */
let terminated: string;
const scope = new AsyncDisposableStack();

beforeAll(async () => {
  bench = scope.use(await openTaskBench(script, { env: { CODEBAY_MAX_RUNS: '2', CODEBAY_GIT_ALLOWED_HOSTS: '127.0.0.1' } }));
  const connection = scope.adopt(await Connection.connect({ address: bench.station.temporalAddress }), (it) => it.close());
  temporal = new Client({ connection });
  terminated = (await submit('hang in a turn')).id;
  await inTurn(terminated, 2);
  await temporal.workflow.getHandle(terminated).terminate('by the test');
}, 90_000);
afterAll(() => scope.disposeAsync());

const taskWhen = (id: string, is: (task: TaskView) => boolean, timeoutMs?: number): Promise<TaskView> =>
  until(
    `task ${id} is as expected`,
    async () => {
      const task = await bench.client.get(id);
      return is(task) ? task : null;
    },
    timeoutMs,
  );

const inPhase = (id: string, phase: TaskView['phase']) => taskWhen(id, (task) => task.phase === phase);

/** Until the checkpoint that is taken right before this model turn. */
const inTurn = (id: string, turn: number) => taskWhen(id, (task) => (task.runs[0]?.checkpoint?.turn ?? 0) >= turn);

const runFolder = (id: string, kind: 'a' | 'v' = 'a'): string => join(bench.dataDir, 'runs', `${id}-${kind}1`);

/** Until the agent's first command has changed the code. */
const changed = (id: string) => until(`${id} has changed its code`, () => existsSync(join(runFolder(id), 'code/changed.txt')));

const submit = (prompt: string, task: Partial<TaskRequest> = {}) => bench.submit({ prompt, ...task });

const workflowState = async (id: string): Promise<string> => (await temporal.workflow.getHandle(id).describe()).status.name;

/** Waits for the end that a cancelled task is promised: in time, the same everywhere, and nothing of it left. */
const expectCancelled = async (id: string, beganMs: number): Promise<TaskView> => {
  const task = await taskWhen(id, ({ status }) => status === 'CANCELLED', CANCELLED_WITHIN_MS - (Date.now() - beganMs));
  expect(task).toMatchObject({ status: 'CANCELLED', phase: null, waiting_for: null, failure: null, finished_at: expect.any(String) });
  for (const kind of ['a', 'v'] as const) {
    expect(existsSync(runFolder(id, kind))).toBe(false);
    expect(processesOf(runFolder(id, kind))).toEqual([]);
  }
  await until(`the workflow of ${id} is Canceled`, async () => (await workflowState(id)) === 'CANCELLED');
  expect((await bench.client.cancel(id)).status).toBe('CANCELLED');
  return task;
};

/** Cancels as a user does, and waits for what that promises. */
const cancel = async (id: string): Promise<TaskView> => {
  const beganMs = Date.now();
  expect(await bench.client.cancel(id)).toMatchObject({ cancel_requested: true });
  return expectCancelled(id, beganMs);
};

const expectChangeKept = async (id: string): Promise<void> => {
  expect(Buffer.from(await bench.client.diff(id)).toString()).toContain('+++ b/changed.txt\n@@ -0,0 +1 @@\n+changed\n');
};

const cancelStatus = async (id: string): Promise<number> => {
  const { url, apiKey } = bench.station;
  const response = await fetch(`${url}/v1/tasks/${id}/cancel`, { method: 'POST', headers: { authorization: `Bearer ${apiKey}` } });
  await response.body?.cancel();
  return response.status;
};

/** A git server in front of the bench's that stops answering where `hangs` says so; `waiting` counts whom it keeps. */
const hangingGitServer = async (hangs: (path: string, body: string) => boolean) => {
  let waiting = 0;
  const origin = new URL(bench.repositoryUrl).origin;
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (hangs(request.url ?? '', body.toString())) {
      waiting += 1;
      response.once('close', () => {
        waiting -= 1;
      });
      return;
    }
    const { host: _host, connection: _connection, ...headers } = request.headers as Record<string, string>;
    const answer = await fetch(`${origin}${request.url}`, {
      method: request.method ?? 'GET',
      headers,
      ...(request.method === 'POST' ? { body } : {}),
    });
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(await answer.bytes());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/project.git`,
    waiting: () => waiting,
    [Symbol.dispose]: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

test('while the git server that should name the commit hangs', async () => {
  using server = await hangingGitServer(() => true);
  const { id } = await submit('finish', { source: { type: 'git', url: server.url } });
  await until('git asks', () => server.waiting() === 1);
  await cancel(id);
  await until('git has ended', () => server.waiting() === 0);
}, 40_000);

test('while the git server that should send the code hangs', async () => {
  using server = await hangingGitServer((_path, body) => body.includes('command=fetch'));
  const { id } = await submit('finish', { source: { type: 'git', url: server.url } });
  await until('git asks', () => server.waiting() === 1);
  await inPhase(id, 'DOWNLOADING_CODE');
  await cancel(id);
  await until('git has ended', () => server.waiting() === 0);
  expect(existsSync(join(bench.dataDir, 'objects/processed_code', id))).toBe(false);
}, 40_000);

test('in the middle of a command of the agent', async () => {
  const { id } = await submit('hang in a command');
  await changed(id);
  const task = await cancel(id);
  await expectChangeKept(id);
  expect(task.artifacts.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['diff.patch', 'explanation.md', 'agent.log', 'result.json']),
  );
}, 40_000);

test('in the middle of the set-up script', async () => {
  const repository = createBareRepository(bench.folder, 'slow-setup.git');
  commitFiles(repository, 'main', [{ path: 'setup.sh', content: 'echo set-up is busy\nexec sleep 600\n', mode: '100755' }]);
  const { id } = await submit('finish', { source: { type: 'git', url: bench.repositoryUrl.replace('project.git', 'slow-setup.git') } });
  await inPhase(id, 'SETTING_UP');
  await until('the script has printed', async () => (await bench.client.logs(id)).includes('set-up is busy'));
  await cancel(id);
  expect(await bench.client.diff(id)).toHaveLength(0);
}, 40_000);

test('while the change is verified', async () => {
  const { id } = await submit('finish', { verify: { command: 'echo verifying > /dev/stdout; exec sleep 600' } });
  await inPhase(id, 'VERIFYING');
  await until('the command has printed', async () => (await bench.client.logs(id)).includes('verifying'));
  await cancel(id);
  await expectChangeKept(id);
}, 40_000);

test("by Temporal's own cancel", async () => {
  const { id } = await submit('hang in a command');
  await changed(id);
  const beganMs = Date.now();
  await temporal.workflow.getHandle(id).cancel();
  await expectCancelled(id, beganMs);
  await expectChangeKept(id);
}, 40_000);

test('before a worker has taken it, by the API and by Temporal', async () => {
  expect(bench.station.kill('worker', 'SIGSTOP')).toBe(true);
  const tasks = [await submit('finish'), await submit('finish')] as const;
  await bench.client.cancel(tasks[0].id);
  await temporal.workflow.getHandle(tasks[1].id).cancel();
  expect(await cancelStatus(tasks[0].id)).toBe(202);
  expect(bench.station.kill('worker', 'SIGCONT')).toBe(true);
  const beganMs = Date.now();
  for (const { id } of tasks) expect((await expectCancelled(id, beganMs)).runs).toEqual([]);
}, 40_000);

test('answers 409 for a task that has completed, 404 for none, and says so', async () => {
  const { id } = await submit('finish');
  await taskWhen(id, ({ status }) => status === 'COMPLETED');
  expect(await cancelStatus(id)).toBe(409);
  await expect(bench.client.cancel(id)).rejects.toThrow(CodebayError);
  expect((await bench.client.get(id)).status).toBe('COMPLETED');
  expect(await cancelStatus('no-such-task')).toBe(404);
  expect(await bench.station.cli('cancel', id)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('COMPLETED') });
}, 40_000);

test('a terminated workflow ends its task as FAILED, and its sandbox with it', async () => {
  const id = terminated;
  const task = await taskWhen(id, ({ status }) => status === 'FAILED', 45_000);
  expect(task.failure).toMatchObject({ reason: 'TERMINATED', retryable: true, title: expect.any(String), remedy: expect.any(String) });
  await until('nothing of its run is left', () => processesOf(runFolder(id)).length === 0 && !existsSync(runFolder(id)));
  expect(await cancelStatus(id)).toBe(409);
}, 90_000);

test('in the middle of a model turn, and while another task waits for its slot', async () => {
  const working = [await submit('hang in a turn'), await submit('hang in a turn')];
  await Promise.all(working.map(({ id }) => changed(id)));
  const waiting = await submit('finish');
  await taskWhen(waiting.id, (task) => task.waiting_for === 'slot');
  const cancelled = await cancel(waiting.id);
  expect(cancelled.runs.every(({ granted_at }) => granted_at === null)).toBe(true);

  // Their second turn has begun, so the change is also in a checkpoint.
  for (const { id } of working) await inTurn(id, 2);
  await Promise.all(working.map(({ id }) => cancel(id)));
  for (const { id } of working) await expectChangeKept(id);
}, 60_000);

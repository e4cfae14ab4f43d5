import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createCollectOutputs } from '../../../activities/collect-outputs.ts';
import type { TaskEnding } from '../../../activities/contract.ts';
import { createFinishTask } from '../../../activities/finish-task.ts';
import { artifactKey, codeKey, runBlobKey, uploadKey } from '../../../tasks/object-keys.ts';
import { createRecordingRunner, openStationData } from '../../support/station-data.ts';

type Data = Awaited<ReturnType<typeof openStationData>>;

const collect = async (data: Data, ending: Partial<TaskEnding> & { readonly task_id: string }) => {
  const activity = createCollectOutputs({ ...data.stores, objects: data.objects });
  const whole: TaskEnding = { status: 'COMPLETED', failure: null, verification: null, ...ending };
  const { artifacts } = (await new MockActivityEnvironment().run(activity, whole)) as Awaited<ReturnType<typeof activity>>;
  const read = async (name: (typeof artifacts)[number]['name']) => {
    const stored = await data.objects.get(artifactKey(ending.task_id, name));
    return stored === null ? null : text(stored.body);
  };
  return { artifacts, names: artifacts.map(({ name }) => name).sort(), read };
};

test('a run that completed: its uploads become the artifacts, with a manifest', async () => {
  await using data = await openStationData();
  const { taskId, runId } = await data.taskWithRun();
  const diff = await data.upload(runId, 'the diff');
  const explanation = await data.upload(runId, 'because');
  const artifacts = [
    { name: 'diff.patch' as const, ...diff },
    { name: 'explanation.md' as const, ...explanation },
  ];
  await data.stores.runs.write(runId, {
    phase: 'closed',
    completion: { outcome: 'succeeded', reason: null, detail: '', exit_code: 0, artifacts },
  });

  const collected = await collect(data, { task_id: taskId });
  expect(collected.names).toEqual(['diff.patch', 'explanation.md', 'prompt.txt', 'result.json']);
  expect(collected.artifacts).toContainEqual({ name: 'diff.patch', ...diff });
  expect(await collected.read('prompt.txt')).toBe('Mend it');
  expect(JSON.parse((await collected.read('result.json')) ?? '')).toMatchObject({
    task_id: taskId,
    status: 'COMPLETED',
    runs: [{ outcome: 'succeeded' }],
  });
  const manifest = await data.objects.get(artifactKey(taskId, 'manifest.json'));
  expect(JSON.parse(manifest === null ? '' : await text(manifest.body))).toEqual(collected.artifacts);
});

test('a run that vanished: patch, conversation, log and last words come from its checkpoint and events', async () => {
  await using data = await openStationData();
  const { taskId, runId } = await data.taskWithRun();
  await data.stores.runs.write(runId, { phase: 'agent' });
  const delta = await data.upload(runId, 'half a diff');
  const messages = [
    { role: 'user', content: 'Mend it' },
    { role: 'assistant', content: 'I found the line.' },
    { role: 'tool', content: 'ok' },
  ];
  const transcript = await data.upload(runId, JSON.stringify({ model: 'm', messages }));
  await data.stores.runs.write(runId, { checkpoint: { run_id: runId, seq: 1, turn: 2, delta, transcript } });
  await data.stores.events.append(taskId, runId, [
    { type: 'log', data: { stream: 'agent', text: 'line one\n' }, source_seq: 1, at: 1 },
    { type: 'log', data: { stream: 'setup', text: 'installing\n' }, source_seq: 2, at: 2 },
    { type: 'log', data: { stream: 'agent', text: 'line two\n' }, source_seq: 3, at: 3 },
  ]);

  const failure = { reason: 'OUT_OF_MEMORY' as const, detail: 'used 4 GiB' };
  const { names, read } = await collect(data, { task_id: taskId, status: 'FAILED', failure });
  expect(names).toEqual(['agent.log', 'diff.patch', 'explanation.md', 'prompt.txt', 'result.json', 'setup.log', 'transcript.jsonl']);
  expect(await read('diff.patch')).toBe('half a diff');
  expect(await read('agent.log')).toBe('line one\nline two\n');
  expect(await read('transcript.jsonl')).toBe(messages.map((message) => `${JSON.stringify(message)}\n`).join(''));
  const explanation = await read('explanation.md');
  expect(explanation).toContain('OUT_OF_MEMORY');
  expect(explanation).toContain('I found the line.');
});

test('a successor without a checkpoint of its own: the work of its predecessor is kept', async () => {
  await using data = await openStationData();
  const { taskId, runId } = await data.taskWithRun();
  await data.stores.runs.write(runId, { phase: 'agent' });
  const delta = await data.upload(runId, 'from the first run');
  await data.stores.runs.write(runId, { checkpoint: { run_id: runId, seq: 1, turn: 1, delta, transcript: null } });
  await data.stores.runs.open({ id: `${taskId}-a2`, taskId, kind: 'agent', epoch: 2 });

  const { read } = await collect(data, { task_id: taskId, status: 'CANCELLED' });
  expect(await read('diff.patch')).toBe('from the first run');
});

test('a task that failed before any run has its prompt, an empty patch and its result', async () => {
  await using data = await openStationData();
  const { taskId } = await data.taskWithRun();
  await data.stores.runs.end(`${taskId}-a1`);
  const { names, read } = await collect(data, {
    task_id: taskId,
    status: 'FAILED',
    failure: { reason: 'SOURCE_EMPTY', detail: 'nothing' },
  });
  expect(names).toEqual(['diff.patch', 'explanation.md', 'prompt.txt', 'result.json']);
  expect(await read('diff.patch')).toBe('');
});

test('finishing writes the end once and leaves only the artifacts', async () => {
  await using data = await openStationData();
  const { taskId, runId } = await data.taskWithRun();
  const blob = await data.upload(runId, 'left over');
  for (const key of [uploadKey(taskId), codeKey(taskId), artifactKey(taskId, 'result.json')])
    await data.objects.put(key, Readable.from(['x']));
  const { runner, removed } = createRecordingRunner();
  const finish = createFinishTask({ ...data.stores, objects: data.objects, runner, publication: null, now: Date.now });
  const ending = { task_id: taskId, revision: 7, status: 'COMPLETED' as const, failure: null, verification: null, artifacts: [] };
  await finish(ending);
  await finish(ending);

  expect(await data.stores.tasks.get(taskId)).toMatchObject({ status: 'COMPLETED', phase: null, revision: 7 });
  const { events } = await data.stores.events.read(taskId, 0, 100);
  expect(events.filter((event) => event.type === 'status' && event.data.status === 'COMPLETED')).toHaveLength(1);
  for (const key of [uploadKey(taskId), codeKey(taskId), runBlobKey(runId, blob.sha256)]) expect(await data.objects.stat(key)).toBeNull();
  expect(await data.objects.stat(artifactKey(taskId, 'result.json'))).not.toBeNull();
  expect(removed).toContain(runId);
  expect((await data.stores.runs.list(taskId)).every(({ ended_at }) => ended_at !== null)).toBe(true);
});

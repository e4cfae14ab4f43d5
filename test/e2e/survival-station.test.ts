import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, processIdentitySchema, signalProcess } from '../../platform/sandbox/process-identity.ts';
import { openTaskBench, type TaskBench } from '../support/e2e-task.ts';
import { killProcessesOf, processesOf } from '../support/footprint.ts';
import { createHeldTurns, type HeldTurns } from '../support/held-turns.ts';
import type { Answer } from '../support/scripted-model.ts';
import { expectSettled, runFolder, storedStatus } from '../support/settled.ts';
import { until } from '../support/until.ts';

const shell = (command: string): Answer => ({ calls: [{ name: 'shell', arguments: { command } }] });

/** One station that lives through every fault in turn; each fault has a task and a script of its own. */
let bench: TaskBench;
let turns: HeldTurns;

beforeAll(async () => {
  bench = await openTaskBench((request, index) => turns.script(request, index));
}, 60_000);

afterAll(() => bench[Symbol.asyncDispose](), 60_000);

/** A task that has run one command and whose second model turn is held. */
const submitAndHold = async (): Promise<string> => {
  turns = createHeldTurns([shell('echo first >> ran.txt'), shell('echo second >> ran.txt'), { text: 'Done.' }]);
  turns.hold(1);
  const { id } = await bench.submit();
  await turns.untilAsked(1);
  return id;
};

/** Each change is in the diff once, no answered turn was asked again, and the held one only where its asker had died. */
const expectCompleted = async (id: string, asked: readonly number[], epochs: number): Promise<void> => {
  const task = await bench.finished(id);
  expect(task).toMatchObject({ status: 'COMPLETED', failure: null });
  expect(task.runs.map(({ epoch }) => epoch)).toEqual(Array.from({ length: epochs }, (_, index) => index + 1));
  expect({ asked: turns.asked, violations: turns.violations }).toEqual({ asked, violations: [] });
  const { files } = await bench.client.diffSummary(id);
  expect(files.map(({ path }) => path)).toEqual(['ran.txt']);
  expect(Buffer.from(await bench.client.diff(id)).toString()).toMatch(/@@ -0,0 \+1,2 @@\n\+first\n\+second\n$/);
  await expectSettled(bench, id, 'COMPLETED');
};

const processOf = async (id: string) => processIdentitySchema.parse(JSON.parse(await readFile(runFolder(bench, id).process, 'utf8')));

test('the agent rides out an API, and a gateway, that is killed in a model turn', async () => {
  const id = await submitAndHold();
  const run = await processOf(id);
  expect(bench.station.kill('api')).toBe(true);
  await turns.untilAsked(1, 2);
  turns.release(1);
  expect(await processOf(id)).toEqual(run);
  await expectCompleted(id, [0, 1, 1, 2], 1);
}, 60_000);

test('a task goes on from its checkpoint after everything was killed', async () => {
  const id = await submitAndHold();
  await bench.station.killAll();
  killProcessesOf(bench.dataDir);
  await until('nothing is left', () => processesOf(bench.dataDir).length === 0);
  await bench.startAgain();
  await turns.untilAsked(1, 2);
  turns.release(1);
  await expectCompleted(id, [0, 1, 1, 2], 2);
}, 60_000);

test('a run that vanishes in a command has a successor that is given the answered turn again without asking for it', async () => {
  turns = createHeldTurns([
    shell('echo first >> ran.txt'),
    shell('echo second >> ran.txt; touch "$HOME/begun"; until [ -e "$HOME/go" ]; do sleep 0.05; done'),
    { text: 'Done.' },
  ]);
  const { id } = await bench.submit();
  await until('the command has begun', () => existsSync(join(runFolder(bench, id).home, 'begun')));
  expect(signalProcess(await processOf(id), 'SIGKILL')).toBe(true);
  const successor = runFolder(bench, id, 2).home;
  await until('the command has begun again', () => existsSync(join(successor, 'begun')));
  await writeFile(join(successor, 'go'), '');
  await expectCompleted(id, [0, 1, 2], 2);
}, 60_000);

test('Ctrl-C ends every process and leaves the task to the next start', async () => {
  const id = await submitAndHold();
  const run = await processOf(id);
  expect(await bench.station.stop()).toBe(0);
  expect(processesOf(bench.dataDir)).toEqual([]);
  expect(isAlive(run)).toBe(false);
  expect(await storedStatus(bench.dataDir, id)).toBe('PROCESSING');
  await bench.startAgain();
  await turns.untilAsked(1, 2);
  turns.release(1);
  await expectCompleted(id, [0, 1, 1, 2], 2);
}, 90_000);

test('a run is adopted by the next start when only `up` was killed', async () => {
  const id = await submitAndHold();
  const run = await processOf(id);
  process.kill(bench.station.pid, 'SIGKILL');
  await bench.startAgain();
  await turns.untilAsked(1, 2);
  turns.release(1);
  expect(await processOf(id)).toEqual(run);
  await expectCompleted(id, [0, 1, 1, 2], 1);
}, 90_000);

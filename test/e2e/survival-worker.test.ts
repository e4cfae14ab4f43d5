import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openTaskBench, type TaskBench } from '../support/e2e-task.ts';
import { createHeldTurns } from '../support/held-turns.ts';
import { askTemporal, expectSettled, runFolder } from '../support/settled.ts';
import { until } from '../support/until.ts';

const shell = (command: string) => ({ calls: [{ name: 'shell', arguments: { command } }] });

/** Waits until a worker other than the killed one watches the run. */
const untilWatchedAgain = async (bench: TaskBench, taskId: string): Promise<void> => {
  await until('another worker watches the run', () =>
    askTemporal(bench.station.temporalAddress, async (client) => {
      const { raw } = await client.workflow.getHandle(taskId).describe();
      return raw.pendingActivities?.some(({ activityType, attempt, lastWorkerIdentity }) => {
        return activityType?.name === 'watchRun' && (attempt ?? 0) > 1 && lastWorkerIdentity?.startsWith(`${bench.station.pids().worker}@`);
      });
    }),
  );
};

test('a run goes on undisturbed while its worker is killed in a model turn and again in a command', async () => {
  const turns = createHeldTurns([
    shell('echo first >> ran.txt'),
    shell('echo second >> ran.txt; touch "$HOME/begun"; until [ -e "$HOME/go" ]; do sleep 0.05; done; echo third >> ran.txt'),
    { text: 'Done.' },
  ]);
  await using bench = await openTaskBench(turns.script);
  turns.hold(1);
  const { id } = await bench.submit();
  await turns.untilAsked(1);
  const folder = runFolder(bench, id);
  const before = await readFile(folder.process, 'utf8');

  const first = bench.station.pids().worker;
  expect(bench.station.kill('worker')).toBe(true);
  await untilWatchedAgain(bench, id);
  expect(bench.station.pids().worker).not.toBe(first);
  expect(await readFile(folder.process, 'utf8')).toBe(before);

  turns.release(1);
  await until('the command has begun', () => existsSync(join(folder.home, 'begun')));
  expect(bench.station.kill('worker')).toBe(true);
  await writeFile(join(folder.home, 'go'), '');
  await turns.untilAsked(2);
  expect(await readFile(folder.process, 'utf8')).toBe(before);

  const task = await bench.finished(id);
  expect(task).toMatchObject({ status: 'COMPLETED', runs: [{ epoch: 1, outcome: 'succeeded' }] });
  expect({ asked: turns.asked, violations: turns.violations }).toEqual({ asked: [0, 1, 2], violations: [] });
  expect(Buffer.from(await bench.client.diff(id)).toString()).toContain('\n+first\n+second\n+third\n');
  await expectSettled(bench, id, 'COMPLETED');
}, 90_000);

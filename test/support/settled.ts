import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { openStores } from '../../platform/open-stores.ts';
import { runFiles } from '../../platform/sandbox/run-folder.ts';
import { dataPaths, loadSettings } from '../../platform/settings.ts';
import { isTerminal, type TaskStatus, type TerminalStatus } from '../../tasks/status.ts';
import type { TaskBench } from './e2e-task.ts';
import { type FoundProcess, processesOf } from './footprint.ts';
import { profileSettings } from './profile.ts';
import { storedKeys, temporaryOf } from './stored-objects.ts';
import { until } from './until.ts';

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

/** Asks a station's Temporal directly. */
export const askTemporal = async <T>(temporalAddress: string, ask: (client: Client) => Promise<T>): Promise<T> => {
  const connection = await Connection.connect({ address: temporalAddress });
  try {
    return await ask(new Client({ connection }));
  } finally {
    await connection.close();
  }
};

/** The row as it stands in the store, whoever is up. */
export const storedStatus = async (dataDir: string, taskId: string): Promise<TaskStatus | null> => {
  const stores = await openStores(loadSettings({ ...(await profileSettings(dataDir)), CODEBAY_DATA: dataDir }));
  try {
    return (await stores.tasks.get(taskId))?.status ?? null;
  } finally {
    await stores.close();
  }
};

/** Processes of runs: all of a data folder's but the station's own. */
const runProcesses = (bench: TaskBench): FoundProcess[] => {
  const own = new Set([bench.station.pid, ...Object.values(bench.station.pids())]);
  return processesOf(bench.dataDir).filter(({ pid }) => !own.has(pid));
};

/** Everything temporary that a task has: its runs' folders, its staged objects, and any half-made clone, which names no task. */
const leftBehind = async (dataDir: string, taskId: string): Promise<string[]> => {
  const { runs, scratch } = dataPaths(dataDir);
  const found = [...(await namesIn(runs)), ...temporaryOf(await storedKeys(dataDir))];
  const stagings = await Promise.all(
    (await namesIn(scratch)).map(async (owner) => (await namesIn(join(scratch, owner))).map((name) => join(scratch, owner, name))),
  );
  return [...found.filter((name) => name.includes(taskId)), ...stagings.flat()];
};

/** What must hold once a task has ended, whatever happened on the way: one end, the same everywhere, and nothing left of its runs. */
export const expectSettled = async (bench: TaskBench, taskId: string, status: TerminalStatus): Promise<void> => {
  const events = [];
  for await (const event of bench.client.events(taskId)) events.push(event);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  const ends = events.filter((event) => event.type === 'status' && isTerminal(event.data.status));
  expect(ends).toEqual([events.at(-1)]);
  expect((await bench.client.get(taskId)).status).toBe(status);
  expect(await storedStatus(bench.dataDir, taskId)).toBe(status);
  const workflow = await until('the workflow has closed', () =>
    askTemporal(bench.station.temporalAddress, async (client) => {
      const seen = await client.workflow.getHandle(taskId).describe();
      return seen.closeTime === undefined ? null : seen.status.name;
    }),
  );
  expect(workflow).toBe(status);
  expect(await leftBehind(bench.dataDir, taskId)).toEqual([]);
  expect(runProcesses(bench)).toEqual([]);
};

export const runFolder = (bench: TaskBench, taskId: string, epoch = 1) => {
  const path = join(dataPaths(bench.dataDir).runs, `${taskId}-a${epoch}`);
  return { path, ...runFiles(path) };
};

import type { Deployed } from './deployed.ts';
import { nameOf, uidOf } from './runs.ts';
import type { StoppedTask } from './stops.ts';
import { diffOf, finished, untilNothingLeft } from './tasks.ts';

/** Names and uids of the Jobs that the tasks have now. */
export const jobsOf = async ({ runs }: Deployed, stopped: readonly StoppedTask[]): Promise<Readonly<Record<string, string>>> => {
  const jobs = await Promise.all(stopped.map(({ taskId }) => runs.jobs(taskId)));
  return Object.fromEntries(jobs.flat().map((job) => [nameOf(job), uidOf(job)]));
};

/** The task completes by its first runs, and no finished turn of its model was asked again. */
export const expectUndisturbed = async (system: Deployed, taskId: string): Promise<void> => {
  const task = await finished(system, taskId);
  expect(task).toMatchObject({ status: 'COMPLETED', failure: null });
  expect(task.runs.every(({ epoch, outcome }) => epoch === 1 && outcome === 'succeeded')).toBe(true);
  expect(system.beside.scripts.askedAgain(task.prompt)).toEqual([]);
  expect(await diffOf(system, taskId)).toContain('+changed\n');
  await untilNothingLeft(system, taskId);
};

import type { Artifact } from '../tasks/artifacts.ts';
import { isTerminal } from '../tasks/status.ts';
import type { TaskRecord } from '../tasks/task.ts';
import { ApiProblem } from './problem.ts';

/** A committed artifact of the task; says whether one that isn't there may still come. */
export const artifactOf = (task: TaskRecord, name: string): Artifact => {
  const artifact = task.artifacts.find((one) => one.name === name);
  if (artifact !== undefined) return artifact;
  if (isTerminal(task.status)) throw new ApiProblem('NOT_FOUND', 'The task has produced no such artifact.');
  throw new ApiProblem('NOT_READY', `The task is ${task.status}; artifacts are there when it has finished.`);
};

import type { Context } from 'hono';
import { isTaskId } from '../tasks/ids.ts';
import type { TaskStore } from '../tasks/ports/task-store.ts';
import type { TaskRecord } from '../tasks/task.ts';
import type { ApiEnvironment } from './environment.ts';
import { ApiProblem } from './problem.ts';

export const noSuchTask = (): ApiProblem => new ApiProblem('NOT_FOUND', 'There is no such task.');

/** The task that the path names, where it is the caller's; another owner's is told apart from none by nobody. */
export const ownedTask = async (c: Context<ApiEnvironment>, tasks: TaskStore): Promise<TaskRecord> => {
  const id = c.req.param('id') ?? '';
  const task = isTaskId(id) ? await tasks.get(id) : null;
  if (task === null || task.owner !== c.get('owner')) throw noSuchTask();
  return task;
};

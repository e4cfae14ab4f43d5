import type { TaskView } from '../../../tasks/task-view.ts';
import type { Deployed } from './deployed.ts';
import { diffOf, logOf, untilNothingLeft } from './tasks.ts';

/** What a task that ended early is promised: the lines that it has added, an explanation that names the reason, and a cluster without it. */
export const expectKeptWork = async (system: Deployed, { id, failure }: TaskView, added: readonly string[]): Promise<void> => {
  const diff = await diffOf(system, id);
  for (const line of added) expect(diff).toContain(`+${line}\n`);
  expect(await logOf(system, id, 'explanation.md')).toContain(`${failure?.reason}. ${failure?.detail}`);
  await untilNothingLeft(system, id);
};

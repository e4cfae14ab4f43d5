import type { TaskStatus } from '../../tasks/status.ts';
import { EXIT } from '../cli-error.ts';
import { connect } from '../station-address.ts';
import { paintStatus } from '../task-summary.ts';
import { harmless, print, remark } from '../terminal.ts';

export interface ListOptions {
  readonly status?: TaskStatus;
  readonly repo?: string;
  readonly limit: number;
  readonly json?: boolean;
}

/** `codebay list`: one line a task, newest first. */
export const list = async ({ json, ...query }: ListOptions): Promise<number> => {
  const { data } = await connect().list(query);
  if (json === true) print(JSON.stringify(data));
  else if (data.length === 0) remark('No tasks yet. A first one:  codebay run --dir . "Explain what this project does"');
  for (const task of json === true ? [] : data) {
    const where = task.phase === null ? '' : ` ${task.phase}`;
    print(
      `${task.id}  ${task.created_at.slice(0, 19)}Z  ${paintStatus(task.status)}${where}  ${harmless(task.repo)}  ${harmless(task.title)}`,
    );
  }
  return EXIT.done;
};

import { STATUSES, type TaskStatus } from '../../tasks/status.ts';
import type { TaskSummary } from '../../tasks/task-view.ts';
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

const STATUS_WIDTH = Math.max(...STATUSES.map(({ length }) => length));

/** Where a task stands: its phase while it works, why it failed afterwards. */
const remarkOn = ({ phase, waiting_for: waiting, failure }: TaskSummary): string =>
  failure?.reason ?? (waiting === null ? (phase ?? '') : `waiting for ${waiting}`);

/** `codebay list`: one line a task, newest first. */
export const list = async ({ json, ...query }: ListOptions): Promise<number> => {
  const { data } = await connect().list(query);
  if (json === true) {
    print(JSON.stringify(data));
    return EXIT.done;
  }
  if (data.length === 0) {
    const filtered = query.status !== undefined || query.repo !== undefined;
    remark(filtered ? 'No such tasks.' : 'No tasks yet. A first one:  codebay run --dir . "Explain what this project does"');
  }
  const remarks = data.map(remarkOn);
  const width = Math.max(0, ...remarks.map(({ length }) => length));
  data.forEach((task, index) => {
    const status = paintStatus(task.status) + ' '.repeat(STATUS_WIDTH - task.status.length);
    const told = (remarks[index] ?? '').padEnd(width);
    print(`${task.id}  ${task.created_at.slice(0, 19)}Z  ${status}  ${told}  ${harmless(task.repo)}  ${harmless(task.title)}`);
  });
  return EXIT.done;
};

import type { DiffSummary } from '../tasks/diff-summary.ts';
import { PHASES } from '../tasks/status.ts';
import type { TaskView } from '../tasks/task-view.ts';
import { EXIT } from './cli-error.ts';
import { harmless, paint } from './terminal.ts';

const STYLES = { QUEUED: 'dim', PROCESSING: 'cyan', COMPLETED: 'green', FAILED: 'red', CANCELLED: 'yellow' } as const;

export const paintStatus = (status: TaskView['status'], stream: NodeJS.WriteStream = process.stdout): string =>
  paint(STYLES[status], status, stream);

const secondsBetween = (from: string, to: string): string => `${((Date.parse(to) - Date.parse(from)) / 1000).toFixed(1)} s`;

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** Each phase that was entered, with how long it took. */
export const phaseLines = (task: TaskView): readonly string[] => {
  const entered = PHASES.flatMap((phase) => {
    const at = task.timings[phase];
    return at === undefined ? [] : [{ phase, at }];
  }).toSorted((one, other) => Date.parse(one.at) - Date.parse(other.at));
  return entered.map(({ phase, at }, index) => {
    const end = entered[index + 1]?.at ?? task.finished_at;
    return `  ${phase.padEnd(22)} ${end === null ? '…' : secondsBetween(at, end)}`;
  });
};

/** How a task ended, what it cost, and what came of the verify command. */
export const outcomeLines = (task: TaskView, stream: NodeJS.WriteStream = process.stdout): readonly string[] => {
  const { usage, failure, verification } = task;
  const took = task.finished_at === null ? '' : ` in ${secondsBetween(task.created_at, task.finished_at)}`;
  const cost = usage.cost_usd === null ? '' : `, $${usage.cost_usd.toFixed(4)}`;
  return [
    `${paintStatus(task.status, stream)}${took} · ${counted(usage.turns, 'model turn')}, ${usage.input_tokens} tokens in, ${usage.output_tokens} out${cost}`,
    ...(failure === null ? [] : [`${failure.reason}: ${failure.title}. ${harmless(failure.detail)}`, `What to do: ${failure.remedy}`]),
    ...(verification === null || verification.command === null
      ? []
      : [
          `Verified by \`${harmless(verification.command)}\`: ${verification.status}${verification.exit_code === null ? '' : ` (exit code ${verification.exit_code})`}`,
        ]),
  ];
};

/** Files with their counts, then the sum. */
export const diffStatLines = (diff: DiffSummary): readonly string[] => [
  ...diff.files.map(
    (file) => `  ${file.status.padEnd(12)} ${harmless(file.path)}  ${file.binary ? 'binary' : `+${file.additions} −${file.deletions}`}`,
  ),
  `${counted(diff.stats.files, 'file')} changed, +${diff.stats.additions} −${diff.stats.deletions}`,
];

/** The exit code that a finished task gives its command. */
export const exitCodeOf = (task: Pick<TaskView, 'status'>): number => {
  switch (task.status) {
    case 'FAILED':
      return EXIT.failed;
    case 'CANCELLED':
      return EXIT.cancelled;
    case 'QUEUED':
    case 'PROCESSING':
    case 'COMPLETED':
      return EXIT.done;
  }
};

/** Task ids become paths, branch names and Job names, so they are checked at every border, in the workflow too. */
export const TASK_ID_PATTERN = /^[a-z0-9][a-z0-9-]{0,39}$/;

/** A run id is `<task id>-<a|v><epoch>`: `a` for the agent's run, `v` for the verifying run. */
export const RUN_ID_PATTERN = /^[a-z0-9][a-z0-9-]{0,39}-[av][1-9][0-9]{0,3}$/;

export type RunKind = 'agent' | 'verify';

export const isTaskId = (value: string): boolean => TASK_ID_PATTERN.test(value);

export const isRunId = (value: string): boolean => RUN_ID_PATTERN.test(value);

/** The id of the `epoch`-th run of a task; epochs count from 1 and never repeat within a kind. */
export const runIdOf = (taskId: string, kind: RunKind, epoch: number): string => `${taskId}-${kind === 'agent' ? 'a' : 'v'}${epoch}`;

/** The task id inside a run id. */
export const taskIdOfRun = (runId: string): string => runId.replace(/-[av][0-9]+$/, '');
